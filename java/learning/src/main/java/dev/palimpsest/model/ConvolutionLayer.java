package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.util.List;

/**
 * A convolution without bias: [C, H, W] to [O, H', W'].
 *
 * @param weight [O, C, kernel, kernel]
 * @param geometry kernel, stride and padding
 */
record ConvolutionLayer(Parameter weight, Convolution geometry) implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        return Shapes.ofOne(geometry.outputShape(Shapes.batchOfOne(weight.name(), inputs.getFirst())));
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.convolution(inputs.getFirst(), weight, geometry);
    }

    @Override
    public Layer over(Copies copies) {
        return new ConvolutionLayer(copies.of(weight), geometry);
    }

    @Override
    public String toString() {
        return weight.name();
    }
}
