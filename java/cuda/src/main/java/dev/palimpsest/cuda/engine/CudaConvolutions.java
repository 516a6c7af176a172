package dev.palimpsest.cuda.engine;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Shape;
import java.util.HashMap;
import java.util.Map;

/** The convolutions of an engine, each kept with the algorithms that were chosen for it. */
final class CudaConvolutions {
    private final CudaContext engine;
    private final Map<CudaConvolution.Key, CudaConvolution> known = new HashMap<>();

    CudaConvolutions(CudaContext engine) {
        this.engine = engine;
    }

    CudaConvolution of(Convolution geometry, Shape images) {
        return known.computeIfAbsent(
                new CudaConvolution.Key(geometry, images), key -> new CudaConvolution(engine, key));
    }
}
