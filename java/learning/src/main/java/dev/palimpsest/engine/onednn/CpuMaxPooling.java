package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Maximum pooling for one shape of images; the workspace holds where in its window each maximum was. */
final class CpuMaxPooling {
    record Key(Shape images, MaxPooling geometry) {}

    private final OneDnnContext engine;
    private final Shape images;
    private final Shape maxima;
    private final Shape positions;
    private final Primitive forward;
    private final Primitive backward;

    CpuMaxPooling(OneDnnContext engine, Key key) {
        this.engine = engine;
        images = key.images();
        maxima = key.geometry().outputShape(images);
        OneDnn dnn = engine.dnn();
        MemorySegment from = engine.describe(images, Tensor.Layout.ENGINE);
        MemorySegment to = engine.describe(maxima, Tensor.Layout.ENGINE);
        MemorySegment stride = engine.pair(key.geometry().stride());
        MemorySegment kernel = engine.pair(key.geometry().kernel());
        MemorySegment none = engine.pair(0);
        MemorySegment padding = engine.pair(key.geometry().padding());
        engine.plan(OneDnnContext.passOver(images));
        forward = new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_pooling_forward_primitive_desc_create",
                        "PPIIPPPPPPPP",
                        slot,
                        dnn.engine(),
                        OneDnn.FORWARD_TRAINING,
                        OneDnn.POOLING_MAX,
                        from,
                        to,
                        stride,
                        kernel,
                        none,
                        padding,
                        padding,
                        engine.attributes())),
                OneDnn.SRC,
                OneDnn.DST,
                OneDnn.WORKSPACE);
        backward = new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_pooling_backward_primitive_desc_create",
                        "PPIPPPPPPPPP",
                        slot,
                        dnn.engine(),
                        OneDnn.POOLING_MAX,
                        from,
                        to,
                        stride,
                        kernel,
                        none,
                        padding,
                        padding,
                        forward.descriptor(),
                        engine.attributes())),
                OneDnn.DIFF_DST,
                OneDnn.WORKSPACE,
                OneDnn.DIFF_SRC);
        // A byte a maximum, which need not fill whole floats.
        positions = Shape.of(Math.toIntExact(Math.ceilDiv(forward.bytes(OneDnn.WORKSPACE), (long) Float.BYTES)));
    }

    Backend.Pooled forward(Tensor from) {
        Tensor result = engine.activation(maxima);
        Tensor where = new Tensor(engine, positions, Tensor.Layout.ENGINE, engine.take(positions.bytes()));
        forward.run(from.data(), result.data(), where.data());
        return new Backend.Pooled(result, where);
    }

    Tensor backward(Tensor gradient, Backend.Pooled saved) {
        Tensor result = engine.activation(images);
        Tensor positions = Objects.requireNonNull(saved.positions()); // forward keeps them
        backward.run(gradient.data(), positions.data(), result.data());
        return result;
    }
}
