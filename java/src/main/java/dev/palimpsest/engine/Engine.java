package dev.palimpsest.engine;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The layer maths of one device. Tensors it returns come from its workspace and go back with {@link #release}; after the first step over
 * given shapes nothing is allocated off-heap. Gradients of parameters are added to {@link Parameter#gradient()}.
 *
 * <p>An engine belongs to the thread that opened it, and refuses every call after {@link #close}. Images and activations are [N, C, H, W],
 * matrices [N, features], all float32.
 */
public sealed interface Engine extends AutoCloseable permits CpuEngine {
    /** The engine on this machine's processor with the given number of threads. @throws EngineException if oneDNN cannot be loaded */
    static Engine cpu(int threads) {
        return new CpuEngine(threads);
    }

    /** One line for {@code doctor}: library, version, instruction set, threads. */
    String description();

    int threads();

    /** A row-major tensor with undefined values. */
    Tensor allocate(Shape shape);

    /**
     * A row-major tensor with these values, for what is computed outside the engine.
     *
     * @throws IllegalArgumentException if their number is not the shape's
     */
    Tensor tensor(Shape shape, float[] values);

    /** A row-major tensor over memory of the caller's, which stays the caller's: releasing the tensor leaves it alone. */
    Tensor wrap(Shape shape, MemorySegment rowMajor);

    /** Lets one holder of the tensor go. */
    void release(Tensor tensor);

    /** The values in row-major order. */
    float[] toArray(Tensor tensor);

    /** Bytes that the engine has ever taken off-heap: constant in steady state. */
    long allocatedBytes();

    Tensor convolution(Tensor images, Parameter weight, Convolution geometry);

    Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images);

    void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry);

    /** What {@link #batchNorm} keeps for its backward pass: input, batch mean and variance, and which outputs the ReLU let through. */
    record Normalised(Tensor output, Tensor mean, Tensor variance, Tensor passed, boolean frozen) {}

    /**
     * Normalises with the batch's statistics and updates the running ones, or, if {@code frozen}, with the running ones, which then stay.
     *
     * @throws IllegalArgumentException if the batch has one value a channel and is not frozen: its variance would be zero
     */
    Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen);

    Tensor batchNormGradient(Tensor gradient, Tensor input, Normalised forward, BatchNorm norm);

    /** max(a + b, 0). */
    Tensor addRelu(Tensor a, Tensor b);

    /** The gradient where the output is positive, elsewhere 0. */
    Tensor reluGradient(Tensor gradient, Tensor output);

    /** Mean over H and W: [N, C, H, W] to row-major [N, C]. */
    Tensor averagePool(Tensor images);

    Tensor averagePoolGradient(Tensor gradient, Shape images);

    /** What {@link #maxPool} gives and keeps for its backward pass. @param positions of the maxima, or null if the engine finds them again */
    record Pooled(Tensor output, Tensor positions) {}

    /** The maximum of every window of every channel: [N, C, H, W] to [N, C, H', W']. */
    Pooled maxPool(Tensor images, MaxPooling geometry);

    /** Each window's gradient at its maximum; where several are equal, at one of them. */
    Tensor maxPoolGradient(Tensor gradient, Tensor images, Pooled forward, MaxPooling geometry);

    /** input·weightᵀ + bias for input [N, in], weight [out, in], bias [out]. */
    Tensor linear(Tensor input, Parameter weight, Parameter bias);

    /** Adds to the gradients of weight and bias. @return the gradient of the input */
    Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias);

    /** target += factor · source, in place. */
    void addScaled(Tensor target, float factor, Tensor source);

    /** A convolution whose weight [OIHW] and bias [O] never change again, packed for fast inference. Close it to free the packed copy. */
    FrozenConvolution freeze(Convolution geometry, MemorySegment weight, MemorySegment bias);

    /** See {@link Engine#freeze}. */
    interface FrozenConvolution extends AutoCloseable {
        /**
         * relu(convolution(images) + bias + residual), each of the last two as asked.
         *
         * @param residual null, or a tensor of the output's shape; it is consumed: its memory becomes the output
         */
        Tensor apply(Tensor images, Tensor residual, boolean relu);

        @Override
        void close();
    }

    @Override
    void close();
}
