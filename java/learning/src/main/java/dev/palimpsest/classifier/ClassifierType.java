package dev.palimpsest.classifier;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Safetensors;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;

/**
 * A way to classify, with its options set. One instance serves a whole run: it makes a {@link Classifier} after every
 * experience. Immutable; equal instances classify alike.
 */
public interface ClassifierType {
    /**
     * As the option {@code classifier} names it.
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
     * Whether it is made of kept images of earlier classes.
     *
     * @return whether a run without exemplars is refused
     */
    default boolean needsExemplars() {
        return false;
    }

    /**
     * How many of a run's first snapshots it reads. They are kept for it where the method keeps none.
     *
     * @return 0 if it reads the latest model alone
     */
    default int snapshots() {
        return 0;
    }

    /**
     * How other programs classify with an exported file, where the network's head does not do it.
     *
     * @return one sentence
     */
    default String howToRead() {
        return "only palimpsest predict classifies as the run did";
    }

    /**
     * Makes the classifier of all classes seen by now. The network stays as it is.
     *
     * @param after what the experience left
     * @return the classifier
     */
    Classifier fit(Fitting after);

    /**
     * The classifier that {@link Classifier#write} wrote.
     *
     * @param file to be read
     * @param prefix of the names of its tensors
     * @return the classifier
     */
    Classifier read(Safetensors file, String prefix);

    /** What a classifier can be made of when an experience is over. Nothing is computed before it is asked for. */
    interface Fitting {
        /**
         * The trained network, which must not be changed.
         *
         * @return the network
         */
        Network network();

        /**
         * Classes that came new with the experience.
         *
         * @return a range of the stream's numbering
         */
        ClassRange newest();

        /**
         * Features of the kept images under the trained network.
         *
         * @return [class][exemplar][dimension]
         */
        float[][][] exemplarFeatures();

        /**
         * The classifier as the experience before left it.
         *
         * @return empty after the first experience
         */
        Optional<Classifier> previous();

        /**
         * The experience's own training images.
         *
         * @return indices of each class's images, by the stream's number of the class
         */
        SortedMap<Integer, int[]> imagesByClass();

        /**
         * Models that are kept by now; the last is that of this experience, unless fewer are kept.
         *
         * @return how many
         */
        int snapshots();

        /**
         * What a snapshot gives for training images: the pooled outputs of all its stages.
         *
         * @param snapshot from 1
         * @param images indices of training images
         * @param grid over whose parts the first stage is pooled, see
         *     {@link dev.palimpsest.model.FrozenNetwork#pooled}
         * @return [images][dimensions]
         */
        float[][] pooled(int snapshot, int[] images, int grid);

        /**
         * Seed of whatever is drawn.
         *
         * @return the run's seed
         */
        long seed();

        /**
         * How a head is trained further: as the network was.
         *
         * @return the run's settings
         */
        HeadTraining training();

        /**
         * Settings of stochastic gradient descent that a refitted head shares with the network.
         *
         * @param batch images per step
         * @param momentum of SGD
         * @param weightDecay L2 penalty, added to the gradient
         */
        record HeadTraining(int batch, double momentum, double weightDecay) {}
    }
}
