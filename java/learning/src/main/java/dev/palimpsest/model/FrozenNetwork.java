package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A network compiled for inference, by {@link Folding}: batch norm is folded into the convolutions' weights, and bias,
 * residual sum and ReLU ride on the convolution, so a forward pass costs about a quarter of a training step; other
 * layers run as they are on copies of their parameters. It is a copy: training the network on leaves it alone.
 */
public final class FrozenNetwork implements AutoCloseable {
    private static final int NONE = -1;

    private final Engine engine;
    private final Network network;
    private final List<Folding.Step> steps;
    /** For each value of the graph the last step that reads it. */
    private final int[] lastReader;

    /** The first stage's value, if it is the mean over images and nothing else reads it; else none. */
    private final int gridded;

    private final Map<Integer, Convolution.Frozen> convolutions = new HashMap<>();
    private final Map<Integer, Layer> layers = new HashMap<>();
    private final CopiedTensors copies;
    private final Heads heads;
    private final Tape tape;

    /**
     * Copies and folds the weights.
     *
     * @param engine computes
     * @param network whose layers these are
     * @param weights of the network as it is, or of a snapshot
     */
    public FrozenNetwork(Engine engine, Network network, Weights weights) {
        this.engine = engine;
        this.network = network;
        tape = Tape.detached(engine);
        steps = Folding.of(network.graph());
        lastReader = Graph.lastReaders(
                steps.stream().map(Folding.Step::inputs).toList(),
                network.graph().steps().size() + 1,
                network.graph().outputs());
        List<Integer> outputs = network.graph().outputs();
        int first = outputs.getFirst();
        gridded = first > 0
                        && first != outputs.getLast()
                        && network.graph().step(first).layer() instanceof AveragePoolLayer
                        && steps.stream().noneMatch(step -> step.inputs().contains(first))
                ? first
                : NONE;
        copies = new CopiedTensors(weights);
        try (Arena temporary = Arena.ofShared()) {
            for (Folding.Step step : steps) {
                if (step.folded() == null) {
                    layers.put(
                            step.value(),
                            network.graph().step(step.value()).layer().over(copies));
                } else {
                    convolutions.put(step.value(), fold(step.folded(), weights, temporary));
                }
            }
        }
        heads = new Heads(engine, network, weights);
    }

    private Convolution.Frozen fold(Folding.Folded folded, Weights weights, Arena temporary) {
        ConvolutionLayer convolution = folded.convolution();
        long bytes = (long) convolution.geometry().outputs() * Float.BYTES;
        MemorySegment factor = temporary.allocate(bytes, 64);
        MemorySegment bias = temporary.allocate(bytes, 64);
        if (folded.norm() == null) {
            for (int c = 0; c < convolution.geometry().outputs(); c++) {
                factor.setAtIndex(JAVA_FLOAT, c, 1);
            }
        } else {
            normalise(folded.norm().norm(), weights, factor, bias);
        }
        return weights.mask(convolution.weight())
                .map(mask -> engine.freeze(convolution.geometry(), convolution.weight(), mask, factor, bias))
                .orElseGet(() -> {
                    MemorySegment scaled =
                            temporary.allocate(convolution.weight().shape().bytes(), 64);
                    weights.weight(convolution.weight(), factor, scaled);
                    return engine.freeze(convolution.geometry(), scaled, bias);
                });
    }

    /** y = scale·(Wx − mean)/√(variance + ε) + shift = (f·W)x + (shift − f·mean) with f = scale/√(variance + ε). */
    private static void normalise(BatchNorm norm, Weights weights, MemorySegment factor, MemorySegment bias) {
        MemorySegment scale = weights.vector(norm.scale().name());
        MemorySegment shift = weights.vector(norm.shift().name());
        MemorySegment mean = weights.vector(norm.runningMean().name());
        MemorySegment variance = weights.vector(norm.runningVariance().name());
        for (int c = 0; c < norm.channels(); c++) {
            double f = scale.getAtIndex(JAVA_FLOAT, c)
                    / Math.sqrt(variance.getAtIndex(JAVA_FLOAT, c) + (double) BatchNorm.EPSILON);
            factor.setAtIndex(JAVA_FLOAT, c, (float) f);
            bias.setAtIndex(
                    JAVA_FLOAT, c, (float) (shift.getAtIndex(JAVA_FLOAT, c) - f * mean.getAtIndex(JAVA_FLOAT, c)));
        }
    }

    /**
     * The network that it is a copy of.
     *
     * @return the live network
     */
    public Network network() {
        return network;
    }

    /**
     * Its heads, which it closes.
     *
     * @return the heads as they were
     */
    public Heads heads() {
        return heads;
    }

    /**
     * Memory that it holds, packed copies of weights included: those are made for every shape of images that it meets.
     *
     * @return bytes
     */
    public long bytes() {
        return heads.bytes()
                + copies.bytes()
                + convolutions.values().stream()
                        .mapToLong(Convolution.Frozen::bytes)
                        .sum();
    }

    /**
     * Logits and pooled features of images [N, C, H, W]. The caller releases every tensor of the result with the
     * engine.
     *
     * @param images [N, C, H, W], which stay the caller's
     * @param auxiliary whether the auxiliary heads are wanted too
     * @return outputs for the N images
     */
    public Outputs<Tensor> forward(Tensor images, boolean auxiliary) {
        return engine.concurrently(images, () -> network.classify(heads::linear, outputs(images, 1), auxiliary));
    }

    /**
     * Pooled features of images [N, C, H, W], those of the first stage over the parts of a grid: where in the image its
     * edges are tells classes apart that have the same ones. If it has fewer positions than the grid has parts, it is
     * pooled over its positions; if it is no image or the only stage, it stays as it is. The caller releases every
     * tensor of the result with the engine.
     *
     * @param images [N, C, H, W], which stay the caller's
     * @param grid parts along H and along W; with 1 the features are those of {@link #forward}
     * @return of the first stage [N, C_1·grid·grid], of each later one [N, C_l]
     */
    public List<Tensor> pooled(Tensor images, int grid) {
        return engine.concurrently(images, () -> outputs(images, grid));
    }

    private List<Tensor> outputs(Tensor images, int grid) {
        Tensor[] values = new Tensor[lastReader.length];
        values[0] = images;
        for (int i = 0; i < steps.size(); i++) {
            Folding.Step step = steps.get(i);
            List<Tensor> inputs =
                    step.inputs().stream().map(input -> values[input]).toList();
            values[step.value()] = step.folded() == null
                    ? apply(step.value(), inputs, step.value() == gridded ? grid : 1)
                    : Objects.requireNonNull(convolutions.get(step.value()))
                            .apply(
                                    inputs.getFirst(),
                                    inputs.size() == 2 ? inputs.getLast() : null,
                                    step.folded().relu());
            for (int input : step.inputs().stream().distinct().toList()) {
                if (lastReader[input] == i && !step.consumes(input)) {
                    engine.release(values[input]);
                }
            }
        }
        return network.graph().outputs().stream().map(output -> values[output]).toList();
    }

    private Tensor apply(int value, List<Tensor> inputs, int grid) {
        if (grid > 1) {
            Shape images = inputs.getFirst().shape();
            return engine.averagePool(inputs.getFirst(), Math.min(grid, Math.min(images.extent(2), images.extent(3))));
        }
        return Objects.requireNonNull(layers.get(value))
                .apply(tape, inputs.stream().map(tape::input).toList(), true)
                .value();
    }

    @Override
    public void close() {
        convolutions.values().forEach(Convolution.Frozen::close);
        heads.close();
        copies.close();
    }

    /**
     * Copies of a network's heads, as they were: what is left of a frozen network where its pooled features are kept.
     */
    public static final class Heads implements AutoCloseable {
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

        Heads(Engine engine, Network network, Weights weights) {
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

        private Heads(Heads other) {
            engine = other.engine;
            network = other.network;
            other.heads.forEach((head, held) -> heads.put(head, copy(head, held.weight.read(), held.bias.read())));
        }

        /**
         * The same heads in memory of their own, which stays when this is closed.
         *
         * @return the copy, to be closed by the caller
         */
        public Heads copy() {
            return new Heads(this);
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
         * The network's outputs for pooled features that it gave before. The caller releases every tensor of the
         * result, the features too.
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

    /** Where a frozen network takes its weights from: the live network, or one of its snapshots. */
    public interface Weights {
        /**
         * Writes a convolution's weight [O, …], output channel o times {@code scale[o]} unless that is null, float32
         * row-major; likewise a linear layer's [O, inputs].
         *
         * @param parameter of role WEIGHT
         * @param scale [O] float32, or null
         * @param out of the parameter's size
         */
        void weight(Parameter parameter, @Nullable MemorySegment scale, MemorySegment out);

        /**
         * By which {@link #weight} chooses among the parameter's present values, if that is all it does.
         *
         * @param parameter of role WEIGHT
         * @return empty if the weights are kept elsewhere
         */
        default Optional<SnapshotMask> mask(Parameter parameter) {
            return Optional.empty();
        }

        /**
         * Values of a norm's or head's parameter or of a buffer, by name; a head has as many rows as classes were seen
         * then.
         *
         * @param name of the parameter or buffer
         * @return its values, float32 and row-major, not to be written to
         * @throws IllegalArgumentException if there is none of that name
         */
        MemorySegment vector(String name);

        /**
         * The weights as they are now.
         *
         * @param network whose weights these are
         * @return a view of them
         */
        static Weights of(Network network) {
            return new LiveWeights(network);
        }
    }
}
