package dev.palimpsest;

import dev.palimpsest.option.Check;
import dev.palimpsest.train.Progress;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What one lesson did. Accuracies are of held-out samples; they are empty where there are none. Immutable.
 *
 * @param version that the lesson made, from 1
 * @param before the version that it went on from; 0 for a new model
 * @param kind what was done
 * @param reason why it was that kind
 * @param at when it ended
 * @param seconds that it took
 * @param newClasses that were not known before
 * @param repeatedClasses that were known and got more samples
 * @param forgottenClasses that were removed
 * @param rehearsedClasses that were known, and of which the network was trained on images that had been kept
 * @param samples that were learnt from
 * @param heldOut samples that only measure
 * @param oldClassesBefore accuracy on classes known before, before the lesson
 * @param oldClassesAfter accuracy on the same samples after it
 * @param newClassesAfter accuracy on held-out samples of the new classes
 * @param trial what training would have come to, for a lesson that registered and was asked to find out
 * @param warnings sentences about what a user should look at, such as classes that lost accuracy
 */
public record Lesson(
        int version,
        int before,
        Kind kind,
        String reason,
        Instant at,
        double seconds,
        List<String> newClasses,
        List<String> repeatedClasses,
        List<String> forgottenClasses,
        List<String> rehearsedClasses,
        int samples,
        int heldOut,
        OptionalDouble oldClassesBefore,
        OptionalDouble oldClassesAfter,
        OptionalDouble newClassesAfter,
        Optional<Trial> trial,
        List<String> warnings) {
    /** What a lesson does with its samples. */
    public enum Kind {
        /** The network was trained on them, and its weights became a further snapshot that is read from now on. */
        TRAINED,
        /** The snapshots measured them in one pass; no weight changed. */
        REGISTERED,
        /** Classes were removed. */
        FORGOTTEN
    }

    /**
     * What the same held-out samples say of a network that was trained on the lesson, and let go again.
     *
     * @param oldClassesAfter accuracy on classes known before
     * @param newClassesAfter accuracy on new classes
     * @param seconds that finding out took
     */
    public record Trial(OptionalDouble oldClassesAfter, OptionalDouble newClassesAfter, double seconds) {}

    /**
     * How a lesson is to be learnt. Immutable.
     *
     * @param kind trained or registered; empty for what suits
     * @param notableLoss share of 1 of a class's held-out samples; a class known before that loses more is warned of
     * @param tried whether a lesson that registers also trains a network, to find out whether that would have helped;
     *     it takes the time of a lesson that trains, and the network is let go
     * @param progress receives the steps of training; a listener that throws ends the lesson, and the model stays as
     *     it was
     */
    public record Options(Optional<Kind> kind, double notableLoss, boolean tried, Progress progress) {
        /** What suits, a warning from five points on, no trial, in silence. */
        public static final Options DEFAULT = new Options(Optional.empty(), 0.05, false, Progress.silent());

        /**
         * Checks the range.
         *
         * @throws IllegalArgumentException with a sentence, if the loss is not a share of 1
         */
        public Options {
            Check.that(notableLoss >= 0 && notableLoss <= 1, "notableLoss", notableLoss, "from 0 to 1");
        }

        /**
         * These options with a kind of lesson.
         *
         * @param value trained or registered
         * @return changed options
         */
        public Options withKind(Kind value) {
            return new Options(Optional.of(value), notableLoss, tried, progress);
        }

        /**
         * These options with another loss that is warned of.
         *
         * @param value share of 1, from 0 to 1
         * @return changed options
         */
        public Options withNotableLoss(double value) {
            return new Options(kind, value, tried, progress);
        }

        /**
         * These options, and a lesson that registers finds out whether training would have helped.
         *
         * @return changed options
         */
        public Options withTrial() {
            return new Options(kind, notableLoss, true, progress);
        }

        /**
         * These options with a listener.
         *
         * @param value takes the place of the one before
         * @return changed options
         */
        public Options withProgress(Progress value) {
            return new Options(kind, notableLoss, tried, value);
        }
    }

    /** Copies what could be changed from outside. */
    public Lesson {
        newClasses = List.copyOf(newClasses);
        repeatedClasses = List.copyOf(repeatedClasses);
        forgottenClasses = List.copyOf(forgottenClasses);
        rehearsedClasses = List.copyOf(rehearsedClasses);
        warnings = List.copyOf(warnings);
    }

    /** Of shares by class: every class weighs alike. */
    static OptionalDouble mean(Map<String, Double> shares) {
        return shares.values().stream().mapToDouble(Double::doubleValue).average();
    }
}
