package dev.palimpsest.engine;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@link Engine#batchNorm} and {@link Engine#normalisedConvolution} give, and keep for the gradient. */
public final class Normalised {
    /** The convolution whose output was normalised. */
    record Convolved(Tensor tensor, Parameter weight, Convolution geometry) {}

    private final Backend.Normalised backend;
    private final BatchNorm norm;
    private final @Nullable Convolved convolved;

    /** @param convolved null where the norm was an operation of its own */
    Normalised(Backend.Normalised backend, BatchNorm norm, @Nullable Convolved convolved) {
        this.backend = backend;
        this.norm = norm;
        this.convolved = convolved;
    }

    @Nullable
    Convolved convolved() {
        return convolved;
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
     * @return an activation of the shape of what was normalised; the caller releases it
     */
    public Tensor output() {
        return backend.output();
    }

    /**
     * What the gradient needs besides the input of the operation.
     *
     * @return tensors that only the engine understands; the caller releases each of them when no gradient is wanted
     *     any more
     */
    public List<Tensor> saved() {
        List<Tensor> saved = new ArrayList<>();
        if (convolved != null) {
            saved.add(convolved.tensor);
        }
        for (Tensor each : new Tensor[] {backend.mean(), backend.variance(), backend.passed()}) {
            if (each != null) {
                saved.add(each);
            }
        }
        return saved;
    }
}
