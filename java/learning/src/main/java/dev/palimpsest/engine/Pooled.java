package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** What {@link Engine#maxPool} gives, and keeps for its gradient. */
public final class Pooled {
    private final Backend.Pooled backend;
    private final MaxPooling geometry;

    Pooled(Backend.Pooled backend, MaxPooling geometry) {
        this.backend = backend;
        this.geometry = geometry;
    }

    Backend.Pooled backend() {
        return backend;
    }

    MaxPooling geometry() {
        return geometry;
    }

    /**
     * The result.
     *
     * @return an activation [N, C, H', W'] of the maxima; the caller releases it
     */
    public Tensor output() {
        return backend.output();
    }

    /**
     * What the gradient needs besides the input and the output.
     *
     * @return tensors that only the engine understands; the caller releases each of them when no gradient is wanted
     *     any more
     */
    public List<Tensor> saved() {
        return backend.positions() == null ? List.of() : List.of(backend.positions());
    }
}
