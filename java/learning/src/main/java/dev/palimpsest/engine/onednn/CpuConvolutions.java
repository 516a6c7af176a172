package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/** The primitives of convolutions, for each number of images that chunks have. */
final class CpuConvolutions {
    private final OneDnnContext engine;
    private final Map<CpuConvolution.Key, CpuConvolution> built = new HashMap<>();

    CpuConvolutions(OneDnnContext engine) {
        this.engine = engine;
    }

    /**
     * Those for so many images.
     *
     * @param batch with the shape of the whole batch
     */
    CpuConvolution of(CpuConvolution.Key batch, int count) {
        return of(batch, count, batch.layout());
    }

    /** Those for so many images in another layout than the batch's. */
    CpuConvolution of(CpuConvolution.Key batch, int count, Tensor.Layout layout) {
        return built.computeIfAbsent(
                new CpuConvolution.Key(
                        batch.weight(), batch.geometry(), OneDnnContext.images(count, batch.images()), layout),
                key -> new CpuConvolution(engine, key));
    }

    /** Frees all of them. */
    void clear() {
        built.values().forEach(CpuConvolution::close);
        built.clear();
    }
}
