package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/** What computes convolutions, for each number of images that chunks have. */
final class CpuConvolutions {
    private final OneDnnContext engine;
    private final Map<CpuConvolution.Key, CpuConvolution> built = new HashMap<>();
    private final Map<Parameter, WinogradWeights> winograd = new HashMap<>();

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
                this::build);
    }

    private CpuConvolution build(CpuConvolution.Key key) {
        return WinogradConvolution.fits(engine, key.geometry(), key.layout())
                ? new WinogradConvolution(
                        engine,
                        key,
                        winograd.computeIfAbsent(key.weight(), weight -> new WinogradWeights(engine, weight)))
                : new OneDnnConvolution(engine, key);
    }

    /** Frees all of them. */
    void clear() {
        built.values().forEach(CpuConvolution::close);
        built.clear();
        winograd.values().forEach(WinogradWeights::close);
        winograd.clear();
    }
}
