package dev.palimpsest.engine;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Geometry of a square two-dimensional convolution without dilation, as PyTorch's {@code Conv2d}.
 *
 * @param inputs channels, at least 1
 * @param outputs channels, at least 1
 * @param kernel side in pixels, at least 1
 * @param stride in pixels, at least 1
 * @param padding pixels of zeros on every side, at least 0
 */
public record Convolution(int inputs, int outputs, int kernel, int stride, int padding) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public Convolution {
        if (inputs < 1 || outputs < 1 || kernel < 1 || stride < 1 || padding < 0) {
            throw new IllegalArgumentException(
                    "convolution of " + inputs + " to " + outputs + " channels, kernel " + kernel + ", stride " + stride
                            + ", padding " + padding + ": expected positive sizes and a padding of at least 0");
        }
    }

    /**
     * Shape of the weight.
     *
     * @return [outputs, inputs, kernel, kernel]
     */
    public Shape weightShape() {
        return Shape.of(outputs, inputs, kernel, kernel);
    }

    /**
     * Shape of the output.
     *
     * @param images [N, inputs, H, W]
     * @return [N, outputs, H', W']
     * @throws IllegalArgumentException if they do not fit or there are none
     */
    public Shape outputShape(Shape images) {
        if (images.rank() != 4 || images.extent(1) != inputs) {
            throw new IllegalArgumentException("convolution needs images of N×" + inputs + "×H×W, got " + images);
        }
        if (images.elements() == 0) {
            throw new IllegalArgumentException(
                    "convolution of an empty batch (" + images + "): expected at least one image");
        }
        return Shape.of(images.extent(0), outputs, outputExtent(images.extent(2)), outputExtent(images.extent(3)));
    }

    private int outputExtent(int extent) {
        int padded = extent + 2 * padding - kernel;
        if (padded < 0) {
            throw new IllegalArgumentException(
                    "a kernel of " + kernel + " does not fit an image side of " + extent + " padded by " + padding);
        }
        return padded / stride + 1;
    }

    /**
     * A convolution whose weight [OIHW] and bias [O] never change again, packed for fast inference. {@link #close}
     * frees the packed copies. It belongs to the thread of the engine that made it.
     */
    public interface Frozen extends AutoCloseable {
        /**
         * relu(convolution(images) + bias + residual), each of the last two as asked.
         *
         * @param images [N, inputs, H, W] in either layout
         * @param residual null, or an activation of the output's shape that nobody else holds; it is consumed: its
         *     memory becomes the output
         * @param relu whether negative outputs become 0
         * @return an activation [N, outputs, H', W'], to be released by the caller
         * @throws IllegalArgumentException if a shape does not fit
         */
        Tensor apply(Tensor images, @Nullable Tensor residual, boolean relu);

        /**
         * Memory that it holds, packed copies included: one may be made for every shape of images.
         *
         * @return bytes
         */
        long bytes();

        @Override
        void close();
    }

    /**
     * What {@link Engine#normalisedConvolution} gives, and needs again for its gradient.
     *
     * @param convolved what was normalised
     * @param norm as {@link Engine#batchNorm} gives it, with the residual and the ReLU in its output; with a residual
     *     nothing is kept of the ReLU
     * @param weight by which the images were convolved
     * @param geometry of the convolution
     */
    public record Normalised(Tensor convolved, BatchNorm.Normalised norm, Parameter weight, Convolution geometry) {
        /**
         * The result.
         *
         * @return an activation [N, outputs, H', W']; the caller releases it
         */
        public Tensor output() {
            return norm.output();
        }

        /**
         * What the gradient needs besides the images.
         *
         * @return the caller releases each of them when no gradient is wanted any more
         */
        public List<Tensor> saved() {
            return Stream.concat(Stream.of(convolved), norm.saved().stream()).toList();
        }
    }
}
