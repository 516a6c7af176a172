package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.tensor.Shape;
import java.util.List;

/** The mean over all positions: [C, H, W] to [C]. */
record AveragePoolLayer() implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        return Shape.of(Shapes.image("average pooling", inputs.getFirst()).extent(0));
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.averagePool(inputs.getFirst());
    }
}
