package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** What {@link Engine#batchNorm} gives, and keeps for its gradient. */
public final class Normalised {
    private final Backend.Normalised backend;
    private final BatchNorm norm;

    Normalised(Backend.Normalised backend, BatchNorm norm) {
        this.backend = backend;
        this.norm = norm;
    }

    Backend.Normalised backend() {
        return backend;
    }

    BatchNorm norm() {
        return norm;
    }

    /**
     * The result.
     *
     * @return an activation of the input's shape; the caller releases it
     */
    public Tensor output() {
        return backend.output();
    }

    /**
     * What the gradient needs besides the input.
     *
     * @return tensors that only the engine understands; the caller releases each of them when no gradient is wanted
     *     any more
     */
    public List<Tensor> saved() {
        List<Tensor> saved = new ArrayList<>();
        for (Tensor each : new Tensor[] {backend.mean(), backend.variance(), backend.passed()}) {
            if (each != null) {
                saved.add(each);
            }
        }
        return saved;
    }
}
