package dev.palimpsest.engine;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

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

    /**
     * What {@link Engine#batchNorm} gives, and needs again for its gradient. What is kept of the batch only the device
     * understands.
     *
     * @param output an activation of the input's shape, ReLU included; the caller releases it
     * @param mean whatever is kept of the batch's means, or null
     * @param variance whatever is kept of the batch's variances, or null
     * @param passed whatever says which outputs the ReLU let through; null without a ReLU
     * @param frozen whether the running statistics were used
     * @param norm that was applied
     */
    public record Normalised(
            Tensor output,
            @Nullable Tensor mean,
            @Nullable Tensor variance,
            @Nullable Tensor passed,
            boolean frozen,
            BatchNorm norm) {
        /**
         * What the gradient needs besides the input.
         *
         * @return the caller releases each of them when no gradient is wanted any more
         */
        public List<Tensor> saved() {
            return Stream.of(mean, variance, passed).filter(Objects::nonNull).toList();
        }
    }
}
