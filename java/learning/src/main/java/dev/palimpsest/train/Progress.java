package dev.palimpsest.train;

import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.List;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What a run tells while it runs, in this order: {@code begins}, and for every experience {@code experienceBegins},
 * then for every phase {@code phaseBegins} and its {@code step}s, then {@code evaluated} and {@code checkpoint}; at
 * last {@code done}. Calls come from one thread; records may be kept.
 */
public interface Progress {
    /**
     * The data is read and the network built.
     *
     * @param dataSha256 SHA-256 of each file read, by file name
     * @param experiences how many there will be
     * @param classNames in the order of arrival
     * @param weights trained values of the network, for all classes
     */
    record Setup(
            String data,
            SortedMap<String, String> dataSha256,
            int experiences,
            List<String> classNames,
            long weights) {}

    /**
     * An experience's images arrive.
     *
     * @param experience counted from 0
     * @param classNames the new classes
     * @param images new training images
     * @param exemplars images kept of earlier classes
     */
    record Arrival(int experience, List<String> classNames, int images, int exemplars) {}

    /**
     * Training, or retraining after pruning.
     *
     * @param name one word: {@code train}, {@code retrain}
     */
    record Phase(int experience, String name, int epochs, int stepsPerEpoch) {}

    /**
     * One optimiser step.
     *
     * @param epoch counted from 0 within the phase
     * @param step counted from 0 within the experience
     * @param loss what was minimised
     * @param terms its parts by name, as they enter the sum
     */
    record Step(
            int experience,
            String phase,
            int epoch,
            int step,
            double loss,
            SequencedMap<String, Double> terms,
            double learningRate,
            double imagesPerSecond) {}

    /**
     * Accuracy after an experience, on test images.
     *
     * @param accuracy on the classes of every experience so far, [experience + 1] shares of 1
     * @param allSeen on all classes seen
     * @param withinExperience among the classes of the image's own experience, over all classes seen
     */
    record Evaluation(int experience, List<Double> accuracy, double allSeen, double withinExperience) {}

    /** Before all: what computes, in one line, and what there is to say about that choice, a sentence each. */
    default void computes(String engine, List<String> remarks) {}

    default void begins(Setup setup) {}

    default void experienceBegins(Arrival arrival) {}

    default void phaseBegins(Phase phase) {}

    default void step(Step step) {}

    default void evaluated(Evaluation evaluation) {}

    /**
     * The state after an experience, with which the run can go on and its models can be read; after
     * {@link #evaluated}.
     *
     * @param state to be asked for, where somebody keeps it, and written before this returns
     */
    default void checkpoint(Supplier<SafetensorsWriter> state) {}

    default void done(Result result) {}

    /** Says nothing. */
    static Progress silent() {
        return new Progress() {};
    }

    /** Tells everyone in turn. */
    static Progress all(Progress... listeners) {
        return new Progress() {
            @Override
            public void computes(String engine, List<String> remarks) {
                tell(listener -> listener.computes(engine, remarks));
            }

            @Override
            public void begins(Setup setup) {
                tell(listener -> listener.begins(setup));
            }

            @Override
            public void experienceBegins(Arrival arrival) {
                tell(listener -> listener.experienceBegins(arrival));
            }

            @Override
            public void phaseBegins(Phase phase) {
                tell(listener -> listener.phaseBegins(phase));
            }

            @Override
            public void step(Step step) {
                tell(listener -> listener.step(step));
            }

            @Override
            public void evaluated(Evaluation evaluation) {
                tell(listener -> listener.evaluated(evaluation));
            }

            @Override
            public void checkpoint(Supplier<SafetensorsWriter> state) {
                tell(listener -> listener.checkpoint(state));
            }

            @Override
            public void done(Result result) {
                tell(listener -> listener.done(result));
            }

            private void tell(Consumer<Progress> event) {
                for (Progress listener : listeners) {
                    event.accept(listener);
                }
            }
        };
    }
}
