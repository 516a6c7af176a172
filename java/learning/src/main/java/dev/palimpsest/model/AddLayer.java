package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * The sum of two values of one shape, and a ReLU behind it if asked: the end of a residual block.
 *
 * @param relu whether a ReLU follows in the same pass
 */
record AddLayer(boolean relu) implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        if (!inputs.getFirst().equals(inputs.getLast())) {
            throw new IllegalArgumentException(
                    "a sum needs two values of one shape, got " + inputs.getFirst() + " and " + inputs.getLast());
        }
        return inputs.getFirst();
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return relu ? tape.addRelu(inputs.getFirst(), inputs.getLast()) : tape.add(inputs.getFirst(), inputs.getLast());
    }

    @Override
    public Optional<Layer> withRelu() {
        return relu ? Optional.empty() : Optional.of(new AddLayer(true));
    }
}
