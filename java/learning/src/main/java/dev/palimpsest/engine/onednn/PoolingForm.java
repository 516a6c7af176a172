package dev.palimpsest.engine.onednn;

import java.lang.foreign.MemorySegment;

/**
 * What oneDNN makes the primitives of a pooling from; they keep nothing of it.
 *
 * @param algorithm a constant of {@link OneDnn}
 * @param images description of what is pooled
 * @param pooled description of the result
 * @param stride of the windows, two extents
 * @param window two extents
 * @param padding on each side, two extents
 */
record PoolingForm(
        int algorithm,
        MemorySegment images,
        MemorySegment pooled,
        MemorySegment stride,
        MemorySegment window,
        MemorySegment padding) {
    /** @param arguments of the primitive, in the order in which it will get them */
    Primitive forward(OneDnnContext engine, int... arguments) {
        OneDnn dnn = engine.dnn();
        return new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_pooling_forward_primitive_desc_create",
                        "PPIIPPPPPPPP",
                        slot,
                        dnn.engine(),
                        OneDnn.FORWARD_TRAINING,
                        algorithm,
                        images,
                        pooled,
                        stride,
                        window,
                        engine.pair(0),
                        padding,
                        padding,
                        engine.attributes())),
                arguments);
    }

    /**
     * The gradient.
     *
     * @param forward whose windows these are
     * @param arguments of the primitive, in the order in which it will get them
     */
    Primitive backward(OneDnnContext engine, Primitive forward, int... arguments) {
        OneDnn dnn = engine.dnn();
        return new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_pooling_backward_primitive_desc_create",
                        "PPIPPPPPPPPP",
                        slot,
                        dnn.engine(),
                        algorithm,
                        images,
                        pooled,
                        stride,
                        window,
                        engine.pair(0),
                        padding,
                        padding,
                        forward.descriptor(),
                        engine.attributes())),
                arguments);
    }
}
