package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/**
 * Computes a network's layers on values of one kind: training records on a tape ({@code V} is a variable), a pass
 * without a tape gives tensors, and a reference for tests or benchmarks may compute with values of its own.
 *
 * @param <V> kind of values
 */
interface Forward<V> {
    /**
     * Applies a layer to a whole batch.
     *
     * @param layer what to do
     * @param inputs as many as the layer reads
     * @return what it makes of them
     */
    V layer(Layer layer, List<V> inputs);

    /**
     * Applies a head.
     *
     * @param head of the network
     * @param features [N, inputs of the head]
     * @return logits, [N, classes]
     */
    V head(Head head, V features);

    /**
     * Releases a value that is not used again.
     *
     * @param value that this pass gave
     */
    void done(V value);

    /**
     * Whether a convolution comes as one layer with its norm and with the residual sum behind that, which a tape
     * computes in fewer passes over memory; for a pass that calls {@link Layer#apply}.
     *
     * @return false if each comes as it was composed
     */
    default boolean fuses() {
        return false;
    }

    /**
     * The forward pass of a network that goes on changing, without a tape: batch norm uses the batch's own statistics,
     * as in training, and moves the running ones. Nothing but the outputs is kept.
     */
    final class Untaped implements Forward<Tensor> {
        private final Engine engine;
        private final Tape tape;

        /**
         * Any number of passes with one engine.
         *
         * @param engine computes and holds the tensors
         */
        Untaped(Engine engine) {
            this.engine = engine;
            tape = Tape.detached(engine);
        }

        @Override
        public Tensor layer(Layer layer, List<Tensor> inputs) {
            return layer.apply(tape, inputs.stream().map(tape::input).toList(), false)
                    .value();
        }

        @Override
        public Tensor head(Head head, Tensor features) {
            return engine.linear(features, head.weight(), head.bias());
        }

        @Override
        public void done(Tensor value) {
            engine.release(value);
        }

        @Override
        public boolean fuses() {
            return true;
        }
    }

    /**
     * The forward pass that is differentiated.
     *
     * @param tape records every layer
     * @param frozenNorm batch norm keeps and uses its running statistics
     */
    record Training(Tape tape, boolean frozenNorm) implements Forward<Variable> {
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

        @Override
        public boolean fuses() {
            return true;
        }
    }
}
