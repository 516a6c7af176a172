package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Geometry of square maximum pooling, as PyTorch's {@code MaxPool2d}: what lies beyond the border is never the
 * maximum.
 *
 * @param kernel side of a window in pixels, at least 1
 * @param stride in pixels, at least 1
 * @param padding pixels on every side, 0 to half the kernel
 */
public record MaxPooling(int kernel, int stride, int padding) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public MaxPooling {
        // With more padding a window could lie outside the image altogether.
        if (kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2) {
            throw new IllegalArgumentException("maximum pooling with kernel " + kernel + ", stride " + stride
                    + ", padding " + padding + ": expected positive sizes and a padding of at most half the kernel");
        }
    }

    /**
     * Shape of the output.
     *
     * @param images [N, C, H, W]
     * @return [N, C, H', W']
     * @throws IllegalArgumentException if they do not fit or there are none
     */
    public Shape outputShape(Shape images) {
        if (images.rank() != 4 || images.elements() == 0) {
            throw new IllegalArgumentException(
                    "maximum pooling needs images of N×C×H×W, at least one of them, got " + images);
        }
        return Shape.of(
                images.extent(0), images.extent(1), outputExtent(images.extent(2)), outputExtent(images.extent(3)));
    }

    private int outputExtent(int extent) {
        int padded = extent + 2 * padding - kernel;
        if (padded < 0) {
            throw new IllegalArgumentException("pooling over " + kernel + " pixels does not fit an image side of "
                    + extent + " padded by " + padding);
        }
        return padded / stride + 1;
    }

    /**
     * What {@link Engine#maxPool} gives, and needs again for its gradient.
     *
     * @param output an activation [N, C, H', W'] of the maxima; the caller releases it
     * @param positions of the maxima as only the device understands them, or null if it finds them again
     * @param geometry of the windows
     */
    public record Pooled(Tensor output, @Nullable Tensor positions, MaxPooling geometry) {
        /**
         * What the gradient needs besides the input and the output.
         *
         * @return the caller releases each of them when no gradient is wanted any more
         */
        public List<Tensor> saved() {
            return positions == null ? List.of() : List.of(positions);
        }
    }
}
