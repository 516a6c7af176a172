package dev.palimpsest.autograd;

import dev.palimpsest.engine.Engine;

/** What a backward pass left at a tape's input. */
public final class Gradient {
    private Gradient() {}

    public static float[] of(Engine engine, Variable input) {
        return engine.toArray(input.gradient);
    }
}
