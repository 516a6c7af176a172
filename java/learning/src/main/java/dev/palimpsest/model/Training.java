package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.MaxPooling;

/**
 * The forward pass that is differentiated.
 *
 * @param frozenNorm batch norm keeps and uses its running statistics
 */
public record Training(Tape tape, boolean frozenNorm) implements Forward<Variable> {
    @Override
    public Variable unit(ConvNorm unit, Variable input, Variable residual, boolean relu) {
        Variable convolved = tape.convolution(input, unit.weight(), unit.geometry());
        if (residual == null) {
            return tape.batchNorm(convolved, unit.norm(), relu, frozenNorm);
        }
        if (!relu) {
            throw new IllegalArgumentException("a residual sum without ReLU is not part of any network here");
        }
        return tape.addRelu(tape.batchNorm(convolved, unit.norm(), false, frozenNorm), residual);
    }

    @Override
    public Variable maxPool(Variable images, MaxPooling geometry) {
        return tape.maxPool(images, geometry);
    }

    @Override
    public Variable averagePool(Variable images) {
        return tape.averagePool(images);
    }

    @Override
    public Variable linear(Linear layer, Variable input) {
        return tape.linear(input, layer.weight(), layer.bias());
    }

    /** The tape keeps every value for the backward pass. */
    @Override
    public void done(Variable value) {}
}
