package dev.palimpsest.autograd;

import java.util.function.DoubleSupplier;

/**
 * One loss term on a tape: its value in float64 and, during the backward pass, the total loss's derivative by it. The
 * value may be on a device: it is fetched when it is asked for, once.
 */
public final class Scalar {
    private DoubleSupplier source;
    private double value;
    double gradient;

    Scalar(DoubleSupplier source) {
        this.source = source;
    }

    /** Waits for the device that computes it. */
    public double value() {
        if (source != null) {
            value = source.getAsDouble();
            source = null;
        }
        return value;
    }
}
