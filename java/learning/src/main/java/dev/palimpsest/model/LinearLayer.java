package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.util.List;

/**
 * A fully connected layer inside a network: x·weightᵀ + bias, [in] to [out].
 *
 * @param weight [out, in]; it has owners and can be pruned
 * @param bias [out]
 */
record LinearLayer(Parameter weight, Parameter bias) implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        Shape expected = Shape.of(weight.shape().extent(1));
        if (!inputs.getFirst().equals(expected)) {
            throw new IllegalArgumentException(weight.name() + " needs " + expected + " features for each sample, got "
                    + inputs.getFirst() + (inputs.getFirst().rank() == 3 ? ": flatten images before it" : ""));
        }
        return Shape.of(weight.shape().extent(0));
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.linear(inputs.getFirst(), weight, bias);
    }

    @Override
    public Layer over(Copies copies) {
        return new LinearLayer(copies.of(weight), copies.of(bias));
    }

    @Override
    public String toString() {
        return weight.name();
    }
}
