package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.onednn.ConvolutionPrimitive.Arguments;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The primitives of all frozen convolutions of one kind: teachers of one form differ in their weights alone, which are
 * an argument. Two hundred teachers take one network's primitives.
 */
final class FrozenPrimitives {
    /** Sizes of batches that primitives are kept for: full and last ones of training, of evaluation, of a caller's. */
    private static final int MOST_SIZES = 8;

    private static final Arguments ARGUMENTS =
            new Arguments(OneDnn.SRC, OneDnn.DST, List.of(OneDnn.SRC, OneDnn.WEIGHTS, OneDnn.BIAS, OneDnn.DST));

    /** @param image one, of the images that are convolved */
    record Kind(Convolution geometry, Shape image, Tensor.Layout layout, boolean residual, boolean relu) {}

    /**
     * A primitive for so many images.
     *
     * @param order of its weights: those of one number are in the same order
     */
    record Sized(ConvolutionPrimitive primitive, int order) {}

    private final OneDnnContext engine;
    /** Those of the engine that are in use. */
    private final Map<Kind, FrozenPrimitives> all;

    private final Kind kind;
    /** In the order of use, the latest last. */
    private final Map<Integer, Sized> sizes = new LinkedHashMap<>(16, 0.75f, true);

    private final List<MemorySegment> orders = new ArrayList<>();
    private int users;

    private FrozenPrimitives(OneDnnContext engine, Map<Kind, FrozenPrimitives> all, Kind kind) {
        this.engine = engine;
        this.all = all;
        this.kind = kind;
    }

    /**
     * Those of a kind; the caller releases them.
     *
     * @param all of the engine
     */
    static FrozenPrimitives of(OneDnnContext engine, Map<Kind, FrozenPrimitives> all, Kind kind) {
        FrozenPrimitives known = all.computeIfAbsent(kind, key -> new FrozenPrimitives(engine, all, key));
        known.users++;
        return known;
    }

    /** The primitive for so many images, valid until others are asked for or it is released. */
    Sized of(int images) {
        Sized known = sizes.get(images);
        if (known != null) {
            return known;
        }
        if (sizes.size() == MOST_SIZES) {
            Iterator<Sized> oldest = sizes.values().iterator();
            oldest.next().primitive.close();
            oldest.remove();
        }
        ConvolutionPrimitive primitive = build(images);
        Sized built = new Sized(primitive, order(primitive.expects(OneDnn.WEIGHTS)));
        sizes.put(images, built);
        return built;
    }

    private ConvolutionPrimitive build(int images) {
        return OneDnnConvolution.forward(
                engine,
                new ConvolutionPrimitive.Problem(kind.geometry, OneDnnContext.images(images, kind.image), kind.layout),
                OneDnn.FORWARD_INFERENCE,
                engine.rowMajor(Shape.of(kind.geometry.outputs())),
                engine.dnn().attributes(kind.residual, kind.relu),
                kind.residual,
                ARGUMENTS);
    }

    private int order(MemorySegment description) {
        for (int i = 0; i < orders.size(); i++) {
            if (engine.dnn().equal(orders.get(i), description)) {
                return i;
            }
        }
        orders.add(engine.dnn().copy(description));
        return orders.size() - 1;
    }

    /** Closes the primitives, if nobody else uses them. */
    void release() {
        users--;
        if (users == 0) {
            sizes.values().forEach(sized -> sized.primitive.close());
            orders.forEach(order -> engine.dnn().destroy("dnnl_memory_desc_destroy", order));
            all.remove(kind);
        }
    }
}
