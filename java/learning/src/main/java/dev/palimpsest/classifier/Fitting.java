package dev.palimpsest.classifier;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;

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
