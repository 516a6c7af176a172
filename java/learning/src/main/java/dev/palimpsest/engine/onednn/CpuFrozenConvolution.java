package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A convolution with bias, residual sum and ReLU in one primitive; the residual's memory becomes the output. */
final class CpuFrozenConvolution implements Convolution.Frozen {
    /** Sizes of batches that primitives are kept for: full and last ones of training, of evaluation, of a caller's. */
    private static final int MOST_VARIANTS = 8;

    private record Variant(Shape images, Tensor.Layout layout, boolean residual, boolean relu) {}

    private record Built(Primitive primitive, Arena arena, MemorySegment weight) {
        void close() {
            primitive.close();
            arena.close();
        }
    }

    private final OneDnnContext engine;
    private final Convolution geometry;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment weight;
    private final MemorySegment bias;
    /** In the order of use, the latest last. */
    private final Map<Variant, Built> variants = new LinkedHashMap<>(16, 0.75f, true);

    CpuFrozenConvolution(OneDnnContext engine, Convolution geometry, MemorySegment weight, MemorySegment bias) {
        this.engine = engine;
        this.geometry = geometry;
        this.weight = arena.allocate(weight.byteSize(), 64).copyFrom(weight);
        this.bias = arena.allocate(bias.byteSize(), 64).copyFrom(bias);
    }

    @Override
    public Tensor apply(Tensor images, @Nullable Tensor residual, boolean relu) {
        Tensor output = residual != null ? residual : engine.activation(geometry.outputShape(images.shape()));
        engine.run(
                CpuConvolution.chunks(geometry, images.shape()),
                count -> built(count, images, residual, relu),
                (built, begin, thread) -> built.primitive.run(
                        thread,
                        OneDnnContext.address(images, begin),
                        built.weight.address(),
                        bias.address(),
                        OneDnnContext.address(output, begin)));
        return output;
    }

    private Built built(int count, Tensor images, @Nullable Tensor residual, boolean relu) {
        Variant variant =
                new Variant(OneDnnContext.images(count, images.shape()), images.layout(), residual != null, relu);
        Built known = variants.get(variant);
        if (known != null) {
            return known;
        }
        if (variants.size() == MOST_VARIANTS) {
            Iterator<Built> oldest = variants.values().iterator();
            oldest.next().close();
            oldest.remove();
        }
        Built built = build(variant);
        variants.put(variant, built);
        return built;
    }

    private Built build(Variant variant) {
        OneDnn dnn = engine.dnn();
        CpuConvolution.Problem problem = new CpuConvolution.Problem(geometry, variant.images, variant.layout);
        Primitive primitive = new Primitive(
                dnn,
                CpuConvolution.forwardDescriptor(
                        engine,
                        problem,
                        OneDnn.FORWARD_INFERENCE,
                        engine.rowMajor(Shape.of(geometry.outputs())),
                        dnn.attributes(variant.residual, variant.relu)),
                OneDnn.SRC,
                OneDnn.WEIGHTS,
                OneDnn.BIAS,
                OneDnn.DST);
        Arena own = Arena.ofShared();
        MemorySegment packed = own.allocate(primitive.bytes(OneDnn.WEIGHTS), 64);
        Primitive reorder =
                engine.reorder(engine.rowMajor(geometry.weightShape()), primitive.expects(OneDnn.WEIGHTS), false);
        reorder.run(0, weight.address(), packed.address());
        reorder.close();
        return new Built(primitive, own, packed);
    }

    @Override
    public long bytes() {
        return weight.byteSize()
                + bias.byteSize()
                + variants.values().stream()
                        .mapToLong(built -> built.weight.byteSize())
                        .sum();
    }

    @Override
    public void close() {
        variants.values().forEach(Built::close);
        variants.clear();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
