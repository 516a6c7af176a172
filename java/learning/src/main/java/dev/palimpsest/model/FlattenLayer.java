package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.tensor.Shape;
import java.util.List;

/** Images as rows of a matrix, channel by channel and row by row: [C, H, W] to [C·H·W]. */
record FlattenLayer() implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        return Shape.of(
                Math.toIntExact(Shapes.image("flattening", inputs.getFirst()).elements()));
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.flatten(inputs.getFirst());
    }
}
