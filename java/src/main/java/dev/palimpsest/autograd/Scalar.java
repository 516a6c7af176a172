package dev.palimpsest.autograd;

/** One loss term on a tape: its value in float64 and, during the backward pass, the total loss's derivative by it. */
public final class Scalar {
    private final double value;
    double gradient;

    Scalar(double value) {
        this.value = value;
    }

    public double value() {
        return value;
    }
}
