package dev.palimpsest.train;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A way to learn a stream: which images it trains on, what its loss is, what it keeps. The {@link Learner} does
 * everything else. One instance serves one run. The calls of one experience come in the order {@link #begin},
 * {@link #phases}, {@link #loss} and {@link #stepped} for every batch, {@link #end}; all from one thread.
 *
 * <p>No method needs to know how many experiences there will be.
 */
public interface Method extends AutoCloseable {
    /**
     * What the method is called in recipes, run.json, tables and reports.
     *
     * @return lower case with hyphens
     */
    String name();

    /**
     * Its options as run.json records them.
     *
     * @return texts by option name
     */
    default SequencedMap<String, String> options() {
        return new LinkedHashMap<>();
    }

    /**
     * The settings that the method trains with when it is asked for others: a published baseline is what was
     * published. Settings that a user gave and that come back changed are refused by name.
     *
     * @param asked what recipe or program ask for
     * @return the same, or with what the method has instead
     * @throws IllegalArgumentException with a sentence, if the method cannot do with them
     */
    default Settings settle(Settings asked) {
        return asked;
    }

    /**
     * Refuses what could not be learned, before anything is trained.
     *
     * @param newClasses how many classes come new with each experience
     * @param settings as {@link #settle} gave them
     * @throws IllegalArgumentException with a sentence
     */
    default void check(List<Integer> newClasses, Settings settings) {}

    /**
     * Whether the method does without new classes in an experience.
     *
     * @return false refuses streams whose classes repeat
     */
    default boolean repeats() {
        return false;
    }

    /**
     * Whether the method uses classifiers on the earlier stages; recipes build none for a method that does not.
     *
     * @return whether auxiliary heads make a difference
     */
    default boolean usesAuxiliaryHeads() {
        return false;
    }

    /**
     * How many classes the heads distinguish in an experience.
     *
     * @param stream that is learnt
     * @param experience that is about to be learnt
     * @return all classes seen with it, or more
     */
    default int classes(Stream stream, Experience experience) {
        return experience.classes().end();
    }

    /**
     * Whether every experience trains on the images of all before it too.
     *
     * @return true for upper bounds
     */
    default boolean keepsAllImages() {
        return false;
    }

    /**
     * What is trained together with the network.
     *
     * @return the same parameters throughout a run
     */
    default List<Parameter> parameters() {
        return List.of();
    }

    /**
     * Before an experience is trained; the network's heads have grown for its classes.
     *
     * @param learner that trains
     * @param experience that is about to be learnt
     */
    default void begin(Learner learner, Experience experience) {}

    /**
     * The phases of training that the experience has, one after another.
     *
     * @param learner that trains
     * @param experience that is about to be learnt
     * @return at least one; training at the settings' epochs, unless the method overrides it
     */
    default List<Phase> phases(Learner learner, Experience experience) {
        return List.of(Phase.train(learner, experience));
    }

    /**
     * Adds the loss terms of one batch.
     *
     * @param pass the batch on its way through the network
     * @param terms to be added to
     */
    void loss(Pass pass, Terms terms);

    /** After every step of the optimiser. */
    default void stepped() {}

    /**
     * After an experience is trained, before it is evaluated.
     *
     * @param learner that trained
     * @param experience that was learnt
     */
    default void end(Learner learner, Experience experience) {}

    /**
     * Whether a run can go on from a checkpoint, after an experience or in its midst, with the same weights bit for bit
     * as if it had never stopped.
     *
     * @return false unless the method overrides {@link #resume}, {@link #save} and {@link #restore} as it needs them,
     *     or keeps nothing from one experience or step to the next
     */
    default boolean resumes() {
        return false;
    }

    /**
     * In place of all experiences up to one that is done: makes the method as {@link #end} left it then. The network
     * and what else the learner has are as they were.
     *
     * @param learner that goes on
     * @param last experience that is done
     * @param snapshots that the method had kept, which it closes; empty if it kept none
     */
    default void resume(Learner learner, Experience last, Optional<Snapshots> snapshots) {}

    /**
     * Adds to a checkpoint what the method keeps besides the network, its own {@link #parameters} among it. After
     * {@link #end}: what {@link #resume} does not get from network and {@link #snapshots}. After {@link #stepped}: what
     * steps changed since {@link #begin}.
     *
     * @param to file to be written
     * @param prefix that the names of all tensors are to begin with
     */
    default void save(SafetensorsWriter to, String prefix) {}

    /**
     * Takes over what {@link #save} added: after {@link #resume}, or in the midst of an experience after
     * {@link #begin} and {@link #phases}.
     *
     * @param from the checkpoint
     * @param prefix that the names of all tensors begin with
     * @throws IllegalArgumentException with a sentence, if tensors are missing or do not fit
     */
    default void restore(Safetensors from, String prefix) {}

    /**
     * Networks as they are now whose logits are averaged with the trained one's to classify; the caller closes them.
     *
     * @return none for most methods
     */
    default List<FrozenNetwork> companions() {
        return List.of();
    }

    /**
     * The models after all experiences so far, as the method keeps them; they go into every checkpoint.
     *
     * @return empty if it keeps none
     */
    default Optional<Snapshots> snapshots() {
        return Optional.empty();
    }

    /**
     * What is kept from one experience to the next besides the network and {@link #snapshots}: features of earlier
     * images, teachers that live on.
     *
     * @return bytes
     */
    default long memoryBytes() {
        return 0;
    }

    @Override
    default void close() {}

    /**
     * Some epochs of training with one learning-rate schedule.
     *
     * @param name one word for the progress: {@code train}, {@code retrain}
     * @param epochs passes over the images at hand; may be 0, and a part of one, such as 0.25
     * @param learningRateFactor multiplies the settings' learning rate
     * @param before what the method does before the phase begins, such as releasing weights
     */
    record Phase(String name, double epochs, double learningRateFactor, Runnable before) {
        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence, if epochs are negative or the factor is not above 0
         */
        public Phase {
            if (!(epochs >= 0 && Double.isFinite(epochs) && learningRateFactor > 0)) {
                throw new IllegalArgumentException(
                        "phase " + name + " of " + epochs + " epochs at " + learningRateFactor
                                + " times the learning rate: expected at least 0 epochs and a factor above 0");
            }
        }

        /**
         * Optimiser steps of these epochs: what is begun of a pass is at least one step.
         *
         * @param perEpoch steps of one pass
         * @return steps, rounded to the nearest whole number
         */
        long steps(int perEpoch) {
            long steps = Math.round(epochs * perEpoch);
            return epochs > 0 && perEpoch > 0 ? Math.max(1, steps) : steps;
        }

        /**
         * Training as the settings have it.
         *
         * @param learner that trains
         * @param experience that is learnt
         * @return the phase {@code train}
         */
        public static Phase train(Learner learner, Experience experience) {
            return new Phase("train", learner.settings().training().epochs(experience.index()), 1, () -> {});
        }
    }
}
