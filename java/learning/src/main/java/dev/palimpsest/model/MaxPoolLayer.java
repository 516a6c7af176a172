package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Shape;
import java.util.List;

/**
 * The maximum of every window: [C, H, W] to [C, H', W'].
 *
 * @param geometry of the windows
 */
record MaxPoolLayer(MaxPooling geometry) implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        return Shapes.ofOne(geometry.outputShape(Shapes.batchOfOne("maximum pooling", inputs.getFirst())));
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.maxPool(inputs.getFirst(), geometry);
    }
}
