package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Copies of a network's heads, as they were: what is left of a frozen network where its pooled features are kept. */
public final class FrozenHeads implements AutoCloseable {
    private record Held(Parameter weight, Parameter bias) {
        void forget() {
            weight.forget();
            bias.forget();
        }
    }

    private final Engine engine;
    private final Network network;
    private final Arena arena = Arena.ofShared();
    private final Map<Head, Held> heads = new HashMap<>();

    FrozenHeads(Engine engine, Network network, Weights weights) {
        this.engine = engine;
        this.network = network;
        for (Head head : network.heads()) {
            heads.put(
                    head,
                    copy(
                            head,
                            weights.vector(head.weight().name()),
                            weights.vector(head.bias().name())));
        }
    }

    private FrozenHeads(FrozenHeads other) {
        engine = other.engine;
        network = other.network;
        other.heads.forEach((head, held) -> heads.put(head, copy(head, held.weight.read(), held.bias.read())));
    }

    /**
     * The same heads in memory of their own, which stays when this is closed.
     *
     * @return the copy, to be closed by the caller
     */
    public FrozenHeads copy() {
        return new FrozenHeads(this);
    }

    private Held copy(Head head, MemorySegment weight, MemorySegment bias) {
        int outputs = Math.toIntExact(bias.byteSize() / Float.BYTES);
        Parameter copiedWeight = new Parameter(
                head.weight().name(),
                Parameter.Role.HEAD,
                Shape.of(outputs, head.weight().shape().extent(1)),
                arena);
        copiedWeight.set(weight.toArray(JAVA_FLOAT));
        Parameter copiedBias = new Parameter(head.bias().name(), Parameter.Role.HEAD, Shape.of(outputs), arena);
        copiedBias.set(bias.toArray(JAVA_FLOAT));
        return new Held(copiedWeight, copiedBias);
    }

    Tensor linear(Head head, Tensor input) {
        Held held = Objects.requireNonNull(heads.get(head), "a head of another network");
        return engine.linear(input, held.weight, held.bias);
    }

    /**
     * The network's outputs for pooled features that it gave before. The caller releases every tensor of the result,
     * the features too.
     *
     * @param pooled of every stage, [N, C_l]
     * @param auxiliary whether the auxiliary heads are wanted too
     * @return the features themselves and the logits
     */
    public Outputs<Tensor> classify(List<Tensor> pooled, boolean auxiliary) {
        return network.classify(this::linear, pooled, auxiliary);
    }

    /** Values and gradients, which parameters have even where nobody asks for them. */
    long bytes() {
        return heads.values().stream()
                .mapToLong(held ->
                        2 * (held.weight.shape().bytes() + held.bias.shape().bytes()))
                .sum();
    }

    @Override
    public void close() {
        heads.values().forEach(Held::forget);
        heads.clear();
        arena.close();
    }
}
