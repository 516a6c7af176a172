package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.onednn.ConvolutionPrimitive.Problem;
import dev.palimpsest.engine.onednn.OneDnnContext.Chunks;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * What computes one convolution layer and its gradients on chunks of one size. The master weight stays row-major; what
 * is made of it for computing is made again only after it changed, which costs far less than a step.
 *
 * <p>{@code ready…} brings the weight up to date; it is called before a batch is dealt out. Chunks come as addresses,
 * with the number of the thread that computes them.
 */
interface CpuConvolution extends AutoCloseable {
    /** Images in the given layout, under this weight. */
    record Key(Parameter weight, Convolution geometry, Shape images, Tensor.Layout layout) {
        Problem problem() {
            return new Problem(geometry, images, layout);
        }
    }

    /** How a batch is dealt out. */
    static Chunks chunks(Convolution geometry, Shape images) {
        long operations = new Problem(geometry, OneDnnContext.images(1, images), Tensor.Layout.ENGINE).operations();
        return Chunks.of(images.extent(0), operations);
    }

    CpuConvolution readyForward();

    void forward(int thread, long images, long result);

    CpuConvolution readyInputGradient();

    void inputGradient(int thread, long gradient, long result);

    CpuConvolution readyWeightGradient();

    /** Bytes of {@link #weightGradient}'s result. */
    long packedBytes();

    /** A chunk's part of the gradient, in an order of its own. */
    void weightGradient(int thread, long images, long gradient, long packed);

    /** Adds the sum of all parts to the parameter's gradient. */
    void unpack(MemorySegment packed);

    /** Frees what was made. */
    @Override
    void close();
}
