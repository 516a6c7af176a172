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

    public int channels() {
        return scale.size();
    }
}
