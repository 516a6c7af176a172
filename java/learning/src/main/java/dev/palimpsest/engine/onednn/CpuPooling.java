package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The mean over all positions, for one shape of images. */
final class CpuPooling {
    private final OneDnnContext engine;
    private final Shape images;
    private final Shape means;
    private final Primitive forward;
    private final Primitive backward;

    CpuPooling(OneDnnContext engine, Shape images) {
        this.engine = engine;
        this.images = images;
        means = Shape.of(images.extent(0), images.extent(1));
        OneDnn dnn = engine.dnn();
        MemorySegment all = engine.describe(images, Tensor.Layout.ENGINE);
        // One position is left, so the blocked order of the result is the order of a row-major matrix.
        MemorySegment one = engine.describe(Shape.of(images.extent(0), images.extent(1), 1, 1), Tensor.Layout.ENGINE);
        engine.plan(OneDnnContext.passOver(images));
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

    Tensor forward(Tensor from) {
        Tensor result = engine.allocate(means);
        forward.run(from.data(), result.data());
        return result;
    }

    Tensor backward(Tensor gradient) {
        Tensor result = engine.activation(images);
        backward.run(gradient.data(), result.data());
        return result;
    }
}
