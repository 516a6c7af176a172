package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import java.util.List;

/**
 * The forward pass that is differentiated.
 *
 * @param tape records every layer
 * @param frozenNorm batch norm keeps and uses its running statistics
 */
public record Training(Tape tape, boolean frozenNorm) implements Forward<Variable> {
    @Override
    public Variable layer(Layer layer, List<Variable> inputs) {
        return layer.apply(tape, inputs, frozenNorm);
    }

    @Override
    public Variable head(Head head, Variable features) {
        return tape.linear(features, head.weight(), head.bias());
    }

    /** Does nothing: the tape keeps every value for the backward pass. */
    @Override
    public void done(Variable value) {}
}
