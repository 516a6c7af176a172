package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;

/** Maximum pooling for one shape of a chunk of images; the workspace holds where in its window each maximum was. */
final class CpuMaxPooling implements AutoCloseable {
    record Key(Shape images, MaxPooling geometry) {}

    private final Primitive forward;
    private final Primitive backward;

    CpuMaxPooling(OneDnnContext engine, Key key) {
        MaxPooling geometry = key.geometry();
        PoolingForm form = new PoolingForm(
                OneDnn.POOLING_MAX,
                engine.describe(key.images(), Tensor.Layout.ENGINE),
                engine.describe(geometry.outputShape(key.images()), Tensor.Layout.ENGINE),
                engine.pair(geometry.stride()),
                engine.pair(geometry.kernel()),
                engine.pair(geometry.padding()));
        forward = form.forward(engine, OneDnn.SRC, OneDnn.DST, OneDnn.WORKSPACE);
        backward = form.backward(engine, forward, OneDnn.DIFF_DST, OneDnn.WORKSPACE, OneDnn.DIFF_SRC);
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
