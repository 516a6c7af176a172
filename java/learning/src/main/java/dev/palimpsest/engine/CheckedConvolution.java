package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A frozen convolution whose every use is checked before the device has it. */
final class CheckedConvolution implements Convolution.Frozen {
    private final Lifetime lifetime;
    private final Convolution.Frozen backend;
    private final Convolution geometry;

    CheckedConvolution(Guard guard, Convolution.Frozen backend, Convolution geometry) {
        lifetime = new Lifetime(guard, "the frozen convolution is closed: freeze the weights again");
        this.backend = backend;
        this.geometry = geometry;
    }

    @Override
    public Tensor apply(Tensor images, @Nullable Tensor residual, boolean relu) {
        lifetime.enter();
        lifetime.guard().own("what is convolved", images);
        Shape output = geometry.outputShape(images.shape());
        if (residual != null) {
            lifetime.guard().activation("the residual", output, residual);
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
        if (lifetime.close()) {
            backend.close();
        }
    }
}
