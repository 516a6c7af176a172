package dev.palimpsest.train;

import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.snapshot.Snapshots;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The outcome of a run. Immutable.
 *
 * @param accuracy single-head: argmax over all classes seen
 * @param withinExperience argmax among the classes of the image's own experience
 * @param memory what the snapshots took after each experience; empty for a method that keeps none
 * @param kept what the run keeps at its end
 * @param classification what classifying costs at the end, and what its probabilities are worth
 * @param weightsSha256 of all final parameters and buffers, in the model's order
 * @param seconds that training and evaluation took together
 * @param secondsByPart seconds of training alone, by what they were spent on
 * @param stopped why training ended before the stream did; empty if it did not
 */
public record Result(
        AccuracyMatrix accuracy,
        AccuracyMatrix withinExperience,
        List<Snapshots.Memory> memory,
        Kept kept,
        Classification classification,
        String weightsSha256,
        double seconds,
        Map<Pass.Part, Double> secondsByPart,
        Optional<String> stopped) {
    /**
     * Bytes of all that is kept from one experience to the next and to classify.
     *
     * @param model the network that is trained, with its heads and statistics, and what a method trains with it
     * @param snapshots earlier models, in addition to the model
     * @param exemplars kept training images, one byte per pixel and channel; all images so far for an upper bound
     * @param statistics what the classifier keeps: means and covariances, or a head of its own
     * @param methodMemory what the method keeps besides: features and logits of earlier images, teachers that live on
     */
    public record Kept(long model, long snapshots, long exemplars, long statistics, long methodMemory) {
        /**
         * All of it.
         *
         * @return bytes
         */
        public long total() {
            return model + snapshots + exemplars + statistics + methodMemory;
        }
    }

    /**
     * The last classifier at work on the images that accuracies are of.
     *
     * @param passesPerImage networks that each image goes through
     * @param millisecondsPerImage passes and scores, in batches, once all networks are compiled
     * @param temperature τ of the probabilities softmax(τ·score), fitted to the held-out validation images; empty:
     *     uncalibrated, as none are held out
     * @param calibrationError expected calibration error of these probabilities, a share of 1; where accuracies are
     *     those of validation images, τ is fitted to every other one and the error is that of the rest
     */
    public record Classification(
            double passesPerImage,
            double millisecondsPerImage,
            OptionalDouble temperature,
            OptionalDouble calibrationError) {}

    /** Copies what could be changed from outside. */
    public Result {
        memory = List.copyOf(memory);
        secondsByPart = Collections.unmodifiableMap(new EnumMap<>(secondsByPart));
    }

    /**
     * Memory at the end.
     *
     * @return zeros for a method that keeps no snapshots
     */
    public Snapshots.Memory finalMemory() {
        return memory.isEmpty() ? Snapshots.Memory.NONE : memory.getLast();
    }
}
