package dev.palimpsest.classifier;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import java.util.Optional;
import java.util.SortedMap;

/** What a classifier can be made of when an experience is over. Nothing is computed before it is asked for. */
public interface Fitting {
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
     * @return [images][dimensions]
     */
    float[][] pooled(int snapshot, int[] images);

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
