package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A frozen convolution whose every use is checked before the device has it. */
final class CheckedConvolution implements Convolution.Frozen {
    private final Guard guard;
    private final Convolution.Frozen backend;
    private final Convolution geometry;
    private boolean closed;

    CheckedConvolution(Guard guard, Convolution.Frozen backend, Convolution geometry) {
        this.guard = guard;
        this.backend = backend;
        this.geometry = geometry;
    }

    @Override
    public Tensor apply(Tensor images, @Nullable Tensor residual, boolean relu) {
        guard.enter();
        if (closed) {
            throw new IllegalStateException("the frozen convolution is closed: freeze the weights again");
        }
        guard.own("what is convolved", images);
        Shape output = geometry.outputShape(images.shape());
        if (residual != null) {
            guard.activation("the residual", output, residual);
            if (residual.shared()) {
                throw new IllegalArgumentException(
                        "the residual of " + output + " is held by somebody else, but its memory becomes the output");
            }
        }
        return backend.apply(images, residual, relu);
    }

    @Override
    public long bytes() {
        return backend.bytes();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            backend.close();
        }
    }
}
