package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A convolution whose weight [OIHW] and bias [O] never change again, packed for fast inference. {@link #close} frees
 * the packed copies. It belongs to the thread of the engine that made it.
 */
public final class FrozenConvolution implements AutoCloseable {
    private final Guard guard;
    private final Backend.FrozenConvolution backend;
    private final Convolution geometry;
    private boolean closed;

    FrozenConvolution(Guard guard, Backend.FrozenConvolution backend, Convolution geometry) {
        this.guard = guard;
        this.backend = backend;
        this.geometry = geometry;
    }

    /**
     * relu(convolution(images) + bias + residual), each of the last two as asked.
     *
     * @param images [N, inputs, H, W] in either layout
     * @param residual null, or an activation of the output's shape that nobody else holds; it is consumed: its memory
     *     becomes the output
     * @param relu whether negative outputs become 0
     * @return an activation [N, outputs, H', W'], to be released by the caller
     * @throws IllegalArgumentException if a shape does not fit
     */
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

    /**
     * Memory that it holds, packed copies included: one may be made for every shape of images.
     *
     * @return bytes
     */
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
