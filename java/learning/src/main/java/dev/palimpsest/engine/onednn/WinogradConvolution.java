package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.kernel.passes.Winograd;
import dev.palimpsest.kernel.passes.Winograd.Geometry;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** A convolution layer by the library's own Winograd kernel, where that is faster than oneDNN. */
final class WinogradConvolution implements CpuConvolution {
    /** Pairs of channels at most: the transformed weights of more do not stay in the cache from group to group. */
    private static final long MOST_PAIRS = 1L << 16;

    private final OneDnnContext engine;
    private final Parameter weight;
    private final Geometry geometry;
    private final WinogradWeights weights;
    private MemorySegment forward = MemorySegment.NULL;
    private MemorySegment backward = MemorySegment.NULL;

    /** @param weights of the layer, for any number of images */
    WinogradConvolution(OneDnnContext engine, Key key, WinogradWeights weights) {
        this.engine = engine;
        this.weights = weights;
        weight = key.weight();
        geometry = geometry(key.geometry(), key.images());
    }

    static Geometry geometry(Convolution of, Shape images) {
        return new Geometry(images.extent(0), of.inputs(), of.outputs(), images.extent(2), images.extent(3));
    }

    /** Whether it computes such layers, faster than oneDNN. */
    static boolean fits(OneDnnContext engine, Convolution geometry, Tensor.Layout layout) {
        return engine.hasWinograd()
                && layout == Tensor.Layout.ENGINE
                && geometry.kernel() == 3
                && geometry.stride() == 1
                && geometry.padding() == 1
                && geometry.inputs() % Winograd.BLOCK == 0
                && geometry.outputs() % Winograd.BLOCK == 0
                && (long) geometry.inputs() * geometry.outputs() <= MOST_PAIRS;
    }

    /** A chunk, which is in the engine's own memory. */
    static MemorySegment at(long address) {
        return MemorySegment.ofAddress(address);
    }

    @Override
    public CpuConvolution readyForward() {
        forward = weights.forward(geometry);
        return this;
    }

    @Override
    public void forward(int thread, long images, long result) {
        engine.winograd(thread).convolve(geometry, at(images), forward, null, null, false, at(result));
    }

    @Override
    public CpuConvolution readyInputGradient() {
        backward = weights.backward(geometry);
        return this;
    }

    @Override
    public void inputGradient(int thread, long gradient, long result) {
        engine.winograd(thread).convolve(geometry.transposed(), at(gradient), backward, null, null, false, at(result));
    }

    @Override
    public CpuConvolution readyWeightGradient() {
        return this;
    }

    @Override
    public long packedBytes() {
        return weight.shape().bytes();
    }

    @Override
    public void weightGradient(int thread, long images, long gradient, long packed) {
        engine.winograd(thread).gradient(geometry, at(images), at(gradient), geometry.images(), at(packed));
    }

    @Override
    public void unpack(MemorySegment packed) {
        engine.winograd(0).add(geometry, packed, weight.updateGradient());
    }

    /** Its weights go with the layer. */
    @Override
    public void close() {}
}
