package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;

/** The mean over all positions, for one shape of a chunk of images. */
final class CpuPooling implements AutoCloseable {
    private final Primitive forward;
    private final Primitive backward;

    CpuPooling(OneDnnContext engine, Shape images) {
        // One position is left, so the blocked order of the result is the order of a row-major matrix.
        Shape one = Shape.of(images.extent(0), images.extent(1), 1, 1);
        try (Arena temporary = Arena.ofConfined()) {
            PoolingForm form = new PoolingForm(
                    OneDnn.POOLING_AVERAGE,
                    engine.describe(images, Tensor.Layout.ENGINE),
                    engine.describe(one, Tensor.Layout.ENGINE),
                    engine.pair(1),
                    OneDnn.dims(temporary, images.extent(2), images.extent(3)),
                    engine.pair(0));
            forward = form.forward(engine, OneDnn.SRC, OneDnn.DST);
            backward = form.backward(engine, forward, OneDnn.DIFF_DST, OneDnn.DIFF_SRC);
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
