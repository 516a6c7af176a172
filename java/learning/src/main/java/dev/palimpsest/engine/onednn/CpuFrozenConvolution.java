package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.kernel.passes.Winograd.Geometry;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A convolution with bias, residual sum and ReLU in one pass; the residual's memory becomes the output. */
final class CpuFrozenConvolution implements Convolution.Frozen {
    /** What computes images of a kind, and the weights in the orders that it wants. */
    private record Use(FrozenPrimitives shared, Map<Integer, MemorySegment> packed) {}

    private final OneDnnContext engine;
    private final Map<FrozenPrimitives.Kind, FrozenPrimitives> shared;
    private final Convolution geometry;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment weight;
    private final MemorySegment bias;
    private final Map<FrozenPrimitives.Kind, Use> uses = new HashMap<>();
    /** Null until images come that the library's own kernel convolves. */
    private @Nullable MemorySegment transformed;

    /** @param shared primitives of the engine's frozen convolutions */
    CpuFrozenConvolution(
            OneDnnContext engine,
            Map<FrozenPrimitives.Kind, FrozenPrimitives> shared,
            Convolution geometry,
            MemorySegment weight,
            MemorySegment bias) {
        this.engine = engine;
        this.shared = shared;
        this.geometry = geometry;
        this.weight = arena.allocate(weight.byteSize(), 64).copyFrom(weight);
        this.bias = arena.allocate(bias.byteSize(), 64).copyFrom(bias);
    }

    @Override
    public Tensor apply(Tensor images, @Nullable Tensor residual, boolean relu) {
        Tensor output = residual != null ? residual : engine.activation(geometry.outputShape(images.shape()));
        if (WinogradConvolution.fits(engine, geometry, images.layout())) {
            applyWinograd(images, residual != null, relu, output);
            return output;
        }
        Use use = uses.computeIfAbsent(
                new FrozenPrimitives.Kind(
                        geometry, OneDnnContext.images(1, images.shape()), images.layout(), residual != null, relu),
                kind -> new Use(FrozenPrimitives.of(engine, shared, kind), new HashMap<>()));
        engine.run(
                CpuConvolution.chunks(geometry, images.shape()),
                count -> bound(use, count),
                (bound, begin, thread) -> bound.primitive.run(
                        thread,
                        OneDnnContext.address(images, begin),
                        bound.weight.address(),
                        bias.address(),
                        OneDnnContext.address(output, begin)));
        return output;
    }

    private void applyWinograd(Tensor images, boolean adds, boolean relu, Tensor output) {
        MemorySegment weights = transformed();
        engine.run(
                CpuConvolution.chunks(geometry, images.shape()),
                count -> WinogradConvolution.geometry(geometry, OneDnnContext.images(count, images.shape())),
                (chunk, begin, thread) -> {
                    MemorySegment out = WinogradConvolution.at(OneDnnContext.address(output, begin));
                    engine.winograd(thread)
                            .convolve(
                                    chunk,
                                    WinogradConvolution.at(OneDnnContext.address(images, begin)),
                                    weights,
                                    bias,
                                    adds ? out : null,
                                    relu,
                                    out);
                });
    }

    private MemorySegment transformed() {
        if (transformed == null) {
            Geometry any = new Geometry(1, geometry.inputs(), geometry.outputs(), 1, 1);
            transformed = WinogradWeights.allocate(arena, any);
            engine.winograd(0).weights(any, weight, false, transformed);
        }
        return transformed;
    }

    private record Bound(ConvolutionPrimitive primitive, MemorySegment weight) {}

    private Bound bound(Use use, int images) {
        FrozenPrimitives.Sized sized = use.shared.of(images);
        return new Bound(
                sized.primitive(), use.packed.computeIfAbsent(sized.order(), order -> pack(sized.primitive())));
    }

    private MemorySegment pack(ConvolutionPrimitive primitive) {
        MemorySegment packed = arena.allocate(primitive.bytes(OneDnn.WEIGHTS), 64);
        Primitive reorder =
                engine.reorder(engine.rowMajor(geometry.weightShape()), primitive.expects(OneDnn.WEIGHTS), false);
        reorder.run(0, weight.address(), packed.address());
        reorder.close();
        return packed;
    }

    @Override
    public long bytes() {
        return weight.byteSize()
                + bias.byteSize()
                + (transformed == null ? 0 : transformed.byteSize())
                + uses.values().stream()
                        .flatMap(use -> use.packed.values().stream())
                        .mapToLong(MemorySegment::byteSize)
                        .sum();
    }

    @Override
    public void close() {
        uses.values().forEach(use -> use.shared.release());
        uses.clear();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
