package dev.palimpsest;

import java.time.Instant;
import java.util.List;
import java.util.Map;
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
