package dev.palimpsest.autograd;

import dev.palimpsest.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A tensor on a tape, and the gradient of the loss with respect to it once the backward pass has reached it. */
public final class Variable {
    private final Tensor value;
    final Tape.Play play;
    final boolean differentiated;
    /** Null until the first consumer's backward step has run. */
    @Nullable
    Tensor gradient;

    Variable(Tape.Play play, Tensor value, boolean differentiated) {
        this.play = play;
        this.value = value;
        this.differentiated = differentiated;
    }

    /**
     * What the operation computed.
     *
     * @return valid until the tape is played or cleared; of a detached tape, until the caller releases it
     */
    public Tensor value() {
        return value;
    }
}
