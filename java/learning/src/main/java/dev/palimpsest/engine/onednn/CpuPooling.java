package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;

/** Means over the parts of a grid. */
final class CpuPooling implements AutoCloseable {
    private final Primitive forward;
    private final Primitive backward;

    /**
     * What it is made for.
     *
     * @param images shape of a chunk of images
     * @param grid parts along H and along W
     */
    record Key(Shape images, int grid) {
        private int stride(int axis) {
            return images.extent(axis) / grid;
        }

        private int window(int axis) {
            return images.extent(axis) - (grid - 1) * stride(axis);
        }
    }

    CpuPooling(OneDnnContext engine, Key key) {
        Shape images = key.images;
        Shape means = Shape.of(images.extent(0), images.extent(1), key.grid, key.grid);
        try (Arena temporary = Arena.ofConfined()) {
            PoolingForm form = new PoolingForm(
                    OneDnn.POOLING_AVERAGE,
                    engine.describe(images, Tensor.Layout.ENGINE),
                    engine.describe(means, Tensor.Layout.ENGINE),
                    OneDnn.dims(temporary, key.stride(2), key.stride(3)),
                    OneDnn.dims(temporary, key.window(2), key.window(3)),
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
