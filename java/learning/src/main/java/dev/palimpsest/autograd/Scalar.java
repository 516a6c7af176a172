package dev.palimpsest.autograd;

import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One loss term on a tape: its value in float64 and, during the backward pass, the total loss's derivative by it. The
 * value may be on a device: it is fetched when it is asked for, once.
 */
public final class Scalar {
    private @Nullable DoubleSupplier source;
    final Tape.Play play;
    private double value;
    double gradient;

    Scalar(Tape.Play play, DoubleSupplier source) {
        this.play = play;
        this.source = source;
    }

    /**
     * The term's value; waits for the device that computes it.
     *
     * @return in the loss's unit, nats for cross-entropies
     */
    public double value() {
        if (source != null) {
            value = source.getAsDouble();
            source = null;
        }
        return value;
    }
}
