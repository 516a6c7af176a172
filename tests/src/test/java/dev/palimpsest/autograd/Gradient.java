package dev.palimpsest.autograd;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Tensor;

/** The gradient by a tape's input, which only tests look at. */
public final class Gradient {
    private Gradient() {}

    /** An input that keeps its gradient. */
    public static Variable input(Tape tape, Tensor value) {
        return tape.watched(value);
    }

    /** What the backward pass left there; to be asked once. */
    public static float[] of(Engine engine, Variable input) {
        float[] values = engine.toArray(input.gradient);
        engine.release(input.gradient);
        input.gradient = null;
        return values;
    }
}
