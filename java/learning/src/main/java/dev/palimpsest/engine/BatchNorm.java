package dev.palimpsest.engine;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;

/**
 * Batch norm of C channels: scale and shift [C], running mean and variance [C] (unbiased, updated with momentum 0.1),
 * epsilon 1e-5, as PyTorch's {@code BatchNorm2d}.
 */
public record BatchNorm(Parameter scale, Parameter shift, Buffer runningMean, Buffer runningVariance) {
    public static final float EPSILON = 1e-5f;
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
