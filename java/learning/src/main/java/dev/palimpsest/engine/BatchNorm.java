package dev.palimpsest.engine;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;

/**
 * Batch norm of C channels, as PyTorch's {@code BatchNorm2d}; the variance is unbiased where it runs and biased where
 * it normalises.
 *
 * @param scale [C]
 * @param shift [C]
 * @param runningMean [C]
 * @param runningVariance [C]
 */
public record BatchNorm(Parameter scale, Parameter shift, Buffer runningMean, Buffer runningVariance) {
    /** What is added to the variance before the root. */
    public static final float EPSILON = 1e-5f;
    /** The share of the batch in new running statistics. */
    public static final float MOMENTUM = 0.1f;

    /**
     * Checks the shapes.
     *
     * @throws IllegalArgumentException if one is not [C], or they are not of one C
     */
    public BatchNorm {
        if (scale.shape().rank() != 1
                || !shift.shape().equals(scale.shape())
                || !runningMean.shape().equals(scale.shape())
                || !runningVariance.shape().equals(scale.shape())) {
            throw new IllegalArgumentException("batch norm needs scale, shift, running mean and variance of one size,"
                    + " got " + scale.shape() + ", " + shift.shape() + ", " + runningMean.shape() + " and "
                    + runningVariance.shape());
        }
    }

    /**
     * The number of channels.
     *
     * @return C
     */
    public int channels() {
        return scale.size();
    }
}
