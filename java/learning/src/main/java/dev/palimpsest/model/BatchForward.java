package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/**
 * The forward pass of a network that goes on changing, without a tape: batch norm uses the batch's own statistics, as
 * in training, and moves the running ones. Nothing but the outputs is kept.
 */
public final class BatchForward implements Forward<Tensor> {
    private final Engine engine;
    private final Tape tape;

    /**
     * Any number of passes with one engine.
     *
     * @param engine computes and holds the tensors
     */
    public BatchForward(Engine engine) {
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
}
