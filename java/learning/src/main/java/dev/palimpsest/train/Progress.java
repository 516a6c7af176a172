package dev.palimpsest.train;

import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Method.Phase;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What a run reports while it runs, in this order: {@code begins}, and for every experience {@code experienceBegins},
 * then for every phase {@code phaseBegins} and its {@code step}s with {@code inside} after each, then
 * {@code evaluated} and {@code checkpoint}; at last {@code done}. Calls come from one thread; records may be kept.
 */
public interface Progress {
    /**
     * The data is read and the network built.
     *
     * @param data name of the data set
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
     * @param experience counted from 0
     * @param name one word: {@code train}, {@code retrain}
     * @param steps optimiser steps that it makes, unless the budget ends training before
     * @param stepsPerEpoch optimiser steps of one pass over the images at hand
     */
    record Phase(int experience, String name, long steps, int stepsPerEpoch) {}

    /**
     * One optimiser step.
     *
     * @param experience counted from 0
     * @param phase name of the phase
     * @param epoch counted from 0 within the phase
     * @param step counted from 0 within the experience
     * @param loss what was minimised
     * @param terms its parts by name, as they enter the sum
     * @param learningRate of this step
     * @param imagesPerSecond images/s, mean over the phase so far
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
     * @param experience counted from 0
     * @param accuracy on the classes of every experience so far, [experience + 1] shares of 1
     * @param allSeen on all classes seen
     * @param withinExperience among the classes of the image's own experience, over all classes seen
     * @param confusion [classes seen][classes seen], in the order of arrival: how many images of a class (row) got
     *     which answer (column); not to be changed
     */
    record Evaluation(
            int experience, List<Double> accuracy, double allSeen, double withinExperience, int[][] confusion) {}

    /**
     * Called first, before any data is read.
     *
     * @param engine what computes, in one line
     * @param remarks on the choice of that engine, one sentence each
     */
    default void computes(String engine, List<String> remarks) {}

    /**
     * Data and network are ready.
     *
     * @param setup sizes and names of the whole run
     */
    default void begins(Setup setup) {}

    /**
     * An experience begins.
     *
     * @param arrival its classes and images
     */
    default void experienceBegins(Arrival arrival) {}

    /**
     * A phase of training begins.
     *
     * @param phase its name and length
     */
    default void phaseBegins(Phase phase) {}

    /**
     * An optimiser step is complete. On a device the call may come some steps late.
     *
     * @param step its losses
     */
    default void step(Step step) {}

    /**
     * An experience was evaluated.
     *
     * @param evaluation accuracies after it
     */
    default void evaluated(Evaluation evaluation) {}

    /**
     * The state after an experience, with which the run can go on and its models can be read; after
     * {@link #evaluated}.
     *
     * @param state to be asked for, where somebody keeps it, and written before this returns
     */
    default void checkpoint(Supplier<SafetensorsWriter> state) {}

    /**
     * After every step that a run could go on from: the state in the midst of an experience, which belongs to the last
     * {@link #checkpoint}. Not called for methods that cannot go on.
     *
     * @param state to be asked for, where somebody keeps it now, and written before this returns; costs as much as the
     *     network and the method's memory are large
     */
    default void inside(Supplier<SafetensorsWriter> state) {}

    /**
     * The run is complete; nothing is reported after this.
     *
     * @param result what {@link Experiment#run} returns
     */
    default void done(Result result) {}

    /**
     * The checkpoint of a run of the same recipe that was cut short, which this one goes on from if its method can.
     *
     * @return empty for a run from the beginning
     */
    default Optional<Path> saved() {
        return Optional.empty();
    }

    /**
     * The state that {@link #inside} had of such a run in the midst of the experience after {@link #saved}.
     *
     * @return empty to begin that experience anew
     */
    default Optional<Path> savedInside() {
        return Optional.empty();
    }

    /**
     * After {@link #begins}: what is done already.
     *
     * @param experiences how many of those of {@link #saved} this run builds on; 0 for a run from the beginning
     * @param steps how many of the next experience's it builds on; 0 if it begins that experience
     */
    default void resumes(int experiences, int steps) {}

    /**
     * Ignores every event.
     *
     * @return a listener without effect
     */
    static Progress silent() {
        return new Progress() {};
    }

    /**
     * Passes every event on to several listeners, one after another.
     *
     * @param listeners in the order in which they are called
     * @return one listener in place of all of them
     */
    static Progress all(Progress... listeners) {
        return new Progress() {
            @Override
            public void computes(String engine, List<String> remarks) {
                forward(listener -> listener.computes(engine, remarks));
            }

            @Override
            public void begins(Setup setup) {
                forward(listener -> listener.begins(setup));
            }

            @Override
            public void experienceBegins(Arrival arrival) {
                forward(listener -> listener.experienceBegins(arrival));
            }

            @Override
            public void phaseBegins(Phase phase) {
                forward(listener -> listener.phaseBegins(phase));
            }

            @Override
            public void step(Step step) {
                forward(listener -> listener.step(step));
            }

            @Override
            public void evaluated(Evaluation evaluation) {
                forward(listener -> listener.evaluated(evaluation));
            }

            @Override
            public void checkpoint(Supplier<SafetensorsWriter> state) {
                forward(listener -> listener.checkpoint(state));
            }

            @Override
            public void inside(Supplier<SafetensorsWriter> state) {
                forward(listener -> listener.inside(state));
            }

            @Override
            public void done(Result result) {
                forward(listener -> listener.done(result));
            }

            @Override
            public Optional<Path> saved() {
                return Arrays.stream(listeners)
                        .flatMap(listener -> listener.saved().stream())
                        .findFirst();
            }

            @Override
            public Optional<Path> savedInside() {
                return Arrays.stream(listeners)
                        .flatMap(listener -> listener.savedInside().stream())
                        .findFirst();
            }

            @Override
            public void resumes(int experiences, int steps) {
                forward(listener -> listener.resumes(experiences, steps));
            }

            private void forward(Consumer<Progress> event) {
                for (Progress listener : listeners) {
                    event.accept(listener);
                }
            }
        };
    }
}
