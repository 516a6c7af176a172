package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Maximum pooling for one shape of a chunk of images; the workspace holds where in its window each maximum was. */
final class CpuMaxPooling implements AutoCloseable {
    record Key(Shape images, MaxPooling geometry) {}

    private final Primitive forward;
    private final Primitive backward;

    CpuMaxPooling(OneDnnContext engine, Key key) {
        Shape images = key.images();
        Shape maxima = key.geometry().outputShape(images);
        OneDnn dnn = engine.dnn();
        MemorySegment from = engine.describe(images, Tensor.Layout.ENGINE);
        MemorySegment to = engine.describe(maxima, Tensor.Layout.ENGINE);
        MemorySegment stride = engine.pair(key.geometry().stride());
        MemorySegment kernel = engine.pair(key.geometry().kernel());
        MemorySegment none = engine.pair(0);
        MemorySegment padding = engine.pair(key.geometry().padding());
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
    }

    /** Of the positions that {@link #forward} writes. */
    long workspaceBytes() {
        return forward.bytes(OneDnn.WORKSPACE);
    }

    void forward(int thread, long images, long maxima, long positions) {
        forward.run(thread, images, maxima, positions);
    }

    void backward(int thread, long gradient, long positions, long images) {
        backward.run(thread, gradient, positions, images);
    }

    /** Frees the primitives. */
    @Override
    public void close() {
        forward.close();
        backward.close();
    }
}
