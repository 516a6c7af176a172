package dev.palimpsest.model;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Normalised;
import dev.palimpsest.tensor.Tensor;

/**
 * The forward pass of a network that goes on changing, without a tape: batch norm uses the batch's own statistics, as
 * in training, and moves the running ones.
 */
public final class BatchForward extends UntapedForward {
    public BatchForward(Engine engine) {
        super(engine);
    }

    @Override
    public Tensor unit(ConvNorm unit, Tensor input, Tensor residual, boolean relu) {
        Tensor convolved = engine.convolution(input, unit.weight(), unit.geometry());
        Normalised normalised = engine.batchNorm(convolved, unit.norm(), relu && residual == null, false);
        engine.release(convolved);
        normalised.saved().forEach(engine::release);
        if (residual == null) {
            return normalised.output();
        }
        if (!relu) {
            throw new IllegalArgumentException("a residual sum without ReLU is not part of any network here");
        }
        Tensor sum = engine.addRelu(normalised.output(), residual);
        engine.release(normalised.output());
        engine.release(residual);
        return sum;
    }

    @Override
    public Tensor linear(Linear layer, Tensor input) {
        return engine.linear(input, layer.weight(), layer.bias());
    }
}
