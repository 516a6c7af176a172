package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.tensor.Shape;
import java.util.List;

/** max(x, 0) of every value, for images and for rows of a matrix. */
record ReluLayer() implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        return inputs.getFirst();
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.relu(inputs.getFirst());
    }
}
