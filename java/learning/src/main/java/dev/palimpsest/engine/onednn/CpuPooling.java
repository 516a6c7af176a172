package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The mean over all positions, for one shape of a chunk of images. */
final class CpuPooling implements AutoCloseable {
    private final Primitive forward;
    private final Primitive backward;

    CpuPooling(OneDnnContext engine, Shape images) {
        OneDnn dnn = engine.dnn();
        MemorySegment all = engine.describe(images, Tensor.Layout.ENGINE);
        // One position is left, so the blocked order of the result is the order of a row-major matrix.
        MemorySegment one = engine.describe(Shape.of(images.extent(0), images.extent(1), 1, 1), Tensor.Layout.ENGINE);
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment window = OneDnn.dims(temporary, images.extent(2), images.extent(3));
            forward = new Primitive(
                    dnn,
                    dnn.created(slot -> dnn.call(
                            "dnnl_pooling_forward_primitive_desc_create",
                            "PPIIPPPPPPPP",
                            slot,
                            dnn.engine(),
                            OneDnn.FORWARD_TRAINING,
                            OneDnn.POOLING_AVERAGE,
                            all,
                            one,
                            engine.pair(1),
                            window,
                            engine.pair(0),
                            engine.pair(0),
                            engine.pair(0),
                            engine.attributes())),
                    OneDnn.SRC,
                    OneDnn.DST);
            backward = new Primitive(
                    dnn,
                    dnn.created(slot -> dnn.call(
                            "dnnl_pooling_backward_primitive_desc_create",
                            "PPIPPPPPPPPP",
                            slot,
                            dnn.engine(),
                            OneDnn.POOLING_AVERAGE,
                            all,
                            one,
                            engine.pair(1),
                            window,
                            engine.pair(0),
                            engine.pair(0),
                            engine.pair(0),
                            forward.descriptor(),
                            engine.attributes())),
                    OneDnn.DIFF_DST,
                    OneDnn.DIFF_SRC);
        }
    }

    void forward(int thread, long images, long means) {
        forward.run(thread, images, means);
    }

    void backward(int thread, long gradient, long images) {
        backward.run(thread, gradient, images);
    }

    /** Frees the primitives. */
    @Override
    public void close() {
        forward.close();
        backward.close();
    }
}
