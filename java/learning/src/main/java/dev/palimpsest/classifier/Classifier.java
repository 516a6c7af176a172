package dev.palimpsest.classifier;

import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Gives every class seen a score, after one experience. Immutable; what it knows is its own, the networks that it
 * reads are handed to it.
 */
public interface Classifier {
    /**
     * Scores images. A classifier asks the models for the networks that it reads, so that no others are compiled.
     *
     * @param models the models of the run, as they were when the classifier was made
     * @param images that the indices count
     * @param indices of the images to score; there may be none, as an experience without new classes has no images
     * @return [indices][classes seen]; the highest score wins
     */
    double[][] scores(Models models, Inference images, int[] indices);

    /**
     * Adds all that it knows to a file, for {@link ClassifierType#read}.
     *
     * @param file to be written
     * @param prefix of the names of its tensors
     */
    void write(SafetensorsWriter file, String prefix);

    /**
     * The linear head over the latest model's feature that classifies as this does, if there is one besides the
     * network's own: files for other programs have it in that one's place.
     *
     * @return [dimensions + 1][classes]: a row of weights for every dimension, then the biases
     */
    default Optional<double[][]> linearHead() {
        return Optional.empty();
    }

    /**
     * What it keeps besides the models.
     *
     * @return bytes, as a file has them
     */
    long bytes();

    /**
     * The models of a run that a classifier may read, compiled when one is asked for and kept until this is closed. Not
     * thread-safe.
     */
    static final class Models implements AutoCloseable {
        private static final int LATEST = 0;

        private final Supplier<FrozenNetwork> latest;
        private final IntFunction<FrozenNetwork> snapshots;
        private final Supplier<List<FrozenNetwork>> companionNetworks;
        private final Map<Integer, FrozenNetwork> compiled = new HashMap<>();
        /** Null until somebody asks for them. */
        private @Nullable List<FrozenNetwork> companions;

        /**
         * Models that are compiled from what the suppliers know; this closes them.
         *
         * @param latest the network as it was after the experience
         * @param snapshots earlier models by their number from 1; refuses a number there is none of
         * @param companions networks whose logits are averaged with the latest one's
         */
        public Models(
                Supplier<FrozenNetwork> latest,
                IntFunction<FrozenNetwork> snapshots,
                Supplier<List<FrozenNetwork>> companions) {
            this.latest = latest;
            this.snapshots = snapshots;
            this.companionNetworks = companions;
        }

        /**
         * The network as it was after the experience.
         *
         * @return a network that this closes
         */
        public FrozenNetwork latest() {
            return compiled.computeIfAbsent(LATEST, number -> latest.get());
        }

        /**
         * An earlier model.
         *
         * @param number from 1
         * @return a network that this closes
         * @throws IllegalArgumentException if there is no such snapshot
         */
        public FrozenNetwork snapshot(int number) {
            if (number < 1) {
                throw new IllegalArgumentException("there is no snapshot " + number + ": they count from 1");
            }
            return compiled.computeIfAbsent(number, snapshots::apply);
        }

        /**
         * Networks whose logits are averaged with the latest one's.
         *
         * @return networks that this closes; empty for most methods
         */
        public List<FrozenNetwork> companions() {
            if (companions == null) {
                companions = companionNetworks.get();
            }
            return companions;
        }

        /**
         * Whether a classifier read networks besides the latest one.
         *
         * @return whether companions were asked for, and there are some
         */
        public boolean ensemble() {
            return companions != null && !companions.isEmpty();
        }

        @Override
        public void close() {
            compiled.values().forEach(FrozenNetwork::close);
            compiled.clear();
            if (companions != null) {
                companions.forEach(FrozenNetwork::close);
                companions = null;
            }
        }
    }
}
