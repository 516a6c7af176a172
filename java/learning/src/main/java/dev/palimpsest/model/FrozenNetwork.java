package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.FrozenConvolution;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * A network compiled for inference: batch norm is folded into the convolutions' weights, and bias, residual sum and
 * ReLU ride on the convolution, so a forward pass costs about a quarter of a training step. It is a copy: training the
 * network on leaves it alone.
 */
public final class FrozenNetwork implements AutoCloseable {
    private final Engine engine;
    private final Network network;
    private final Map<ConvNorm, FrozenConvolution> convolutions = new HashMap<>();
    private final FrozenHeads heads;
    private final Forward<Tensor> pass;

    public FrozenNetwork(Engine engine, Network network, Weights weights) {
        this.engine = engine;
        this.network = network;
        pass = new Pass();
        try (Arena temporary = Arena.ofShared()) {
            for (ConvNorm unit : network.units()) {
                convolutions.put(unit, fold(unit, weights, temporary));
            }
        }
        heads = new FrozenHeads(engine, network, weights);
    }

    /** y = scale·(Wx − mean)/√(variance + ε) + shift = (f·W)x + (shift − f·mean) with f = scale/√(variance + ε). */
    private FrozenConvolution fold(ConvNorm unit, Weights weights, Arena temporary) {
        BatchNorm norm = unit.norm();
        MemorySegment scale = weights.vector(norm.scale().name());
        MemorySegment shift = weights.vector(norm.shift().name());
        MemorySegment mean = weights.vector(norm.runningMean().name());
        MemorySegment variance = weights.vector(norm.runningVariance().name());
        MemorySegment factor = temporary.allocate(norm.scale().shape().bytes(), 64);
        MemorySegment bias = temporary.allocate(norm.scale().shape().bytes(), 64);
        for (int c = 0; c < norm.channels(); c++) {
            double f = scale.getAtIndex(JAVA_FLOAT, c)
                    / Math.sqrt(variance.getAtIndex(JAVA_FLOAT, c) + (double) BatchNorm.EPSILON);
            factor.setAtIndex(JAVA_FLOAT, c, (float) f);
            bias.setAtIndex(
                    JAVA_FLOAT, c, (float) (shift.getAtIndex(JAVA_FLOAT, c) - f * mean.getAtIndex(JAVA_FLOAT, c)));
        }
        return weights.mask(unit.weight())
                .map(mask -> engine.freeze(unit.geometry(), unit.weight(), mask, factor, bias))
                .orElseGet(() -> {
                    MemorySegment folded =
                            temporary.allocate(unit.weight().shape().bytes(), 64);
                    weights.weight(unit.weight(), factor, folded);
                    return engine.freeze(unit.geometry(), folded, bias);
                });
    }

    /** The network that it is a copy of. */
    public Network network() {
        return network;
    }

    /** Its heads, which it closes. */
    public FrozenHeads heads() {
        return heads;
    }

    /**
     * Memory that it holds, packed copies of weights included: those are made for every shape of images that it meets.
     */
    public long bytes() {
        return heads.bytes()
                + convolutions.values().stream()
                        .mapToLong(FrozenConvolution::bytes)
                        .sum();
    }

    /**
     * Logits and pooled features of images [N, C, H, W]. The caller releases every tensor of the result with the
     * engine.
     *
     * @param auxiliary whether the auxiliary heads are wanted too
     */
    public Outputs<Tensor> forward(Tensor images, boolean auxiliary) {
        return engine.concurrently(images, () -> network.forward(pass, images, auxiliary));
    }

    @Override
    public void close() {
        convolutions.values().forEach(FrozenConvolution::close);
        heads.close();
    }

    private final class Pass extends UntapedForward {
        Pass() {
            super(FrozenNetwork.this.engine);
        }

        @Override
        public Tensor unit(ConvNorm unit, Tensor input, Tensor residual, boolean relu) {
            return convolutions.get(unit).apply(input, residual, relu);
        }

        @Override
        public Tensor linear(Linear layer, Tensor input) {
            return heads.linear(layer, input);
        }
    }
}
