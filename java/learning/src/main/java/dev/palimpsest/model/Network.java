package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.random.RandomGenerator;

/**
 * A classifier composed of layers ({@link Architecture}): stages, each with pooled outputs, a linear classifier on the
 * last that grows with the classes seen, and, if asked for, an auxiliary classifier on every stage before it. It holds
 * weights and defines how they are applied; it computes nothing. Not thread-safe.
 */
public final class Network {
    private final Shape image;
    private final Graph graph;
    private final Head classifier;
    private final List<Head> auxiliary;
    private final List<Parameter> body;
    private final List<Buffer> buffers;
    private final int pooledWidth;
    private final RandomGenerator random;

    Network(Composer composer, Shape image, boolean auxiliaryHeads, Arena arena, RandomGenerator random) {
        this.image = image;
        this.graph = composer.graph();
        this.body = List.copyOf(composer.parameters());
        this.buffers = List.copyOf(composer.buffers());
        this.random = random;
        List<Integer> widths =
                composer.stages().stream().map(end -> end.shape().extent(0)).toList();
        pooledWidth = widths.stream().mapToInt(Integer::intValue).sum();
        classifier = new Head("fc", widths.getLast(), 0, arena);
        auxiliary = new ArrayList<>();
        for (int l = 0; auxiliaryHeads && l < widths.size() - 1; l++) {
            auxiliary.add(new Head("auxiliary" + (l + 1), widths.get(l), 0, arena));
        }
    }

    /**
     * The shape of one image.
     *
     * @return channels, height and width
     */
    public Shape image() {
        return image;
    }

    /**
     * How many classes its heads distinguish.
     *
     * @return classes, 0 for a new network
     */
    public int classes() {
        return classifier.outputs();
    }

    /**
     * The classifier on the last stage.
     *
     * @return the head, whose parameters are other objects after {@link #grow}
     */
    public Head classifier() {
        return classifier;
    }

    /**
     * Lets all heads distinguish so many classes; the old ones keep their weights.
     *
     * @param classes at least as many as now
     * @throws IllegalArgumentException if there are more already
     */
    public void grow(int classes) {
        classifier.grow(classes, random);
        auxiliary.forEach(head -> head.grow(classes, random));
    }

    /**
     * Pooled features of an image, over all stages.
     *
     * @return their number
     */
    public int pooledWidth() {
        return pooledWidth;
    }

    /**
     * Everything that is trained, the heads last. Heads' parameters are other objects after {@link #grow}.
     *
     * @return the parameters, in the order in which layers were applied
     */
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(body);
        heads().forEach(head -> all.addAll(List.of(head.weight(), head.bias())));
        return all;
    }

    /** What is trained without the heads. */
    List<Parameter> body() {
        return body;
    }

    /**
     * Trained values, once the heads distinguish so many classes.
     *
     * @param classes that all heads distinguish
     * @return number of float32 values
     */
    public long weights(int classes) {
        return body.stream().mapToLong(Parameter::size).sum()
                + heads().stream().mapToLong(head -> head.weights(classes)).sum();
    }

    /**
     * What is kept but not trained: running means and variances.
     *
     * @return the buffers, in the order in which layers were applied
     */
    public List<Buffer> buffers() {
        return buffers;
    }

    /** How its layers are connected. */
    Graph graph() {
        return graph;
    }

    /**
     * Gives channels whose weights have all been released the running statistics of new ones: what their norms have
     * left behind would amplify weights that they get later.
     */
    public void renewEmptyChannels() {
        for (Graph.Step step : graph.steps()) {
            if (step.layer() instanceof NormLayer norm
                    && step.inputs().getFirst() > 0
                    && graph.step(step.inputs().getFirst()).layer() instanceof ConvolutionLayer before) {
                norm.renewEmptyChannels(before.weight());
            }
        }
    }

    List<Head> heads() {
        List<Head> heads = new ArrayList<>(auxiliary);
        heads.addFirst(classifier);
        return heads;
    }

    /**
     * The forward pass that is differentiated.
     *
     * @param tape records every layer
     * @param frozenNorm whether batch norm keeps and uses its running statistics, instead of the batch's
     * @param images [N, C, H, W]; they stay the caller's
     * @param heads whether the auxiliary heads are wanted too
     * @return outputs for the N images, on the tape
     */
    public Outputs<Variable> forward(Tape tape, boolean frozenNorm, Variable images, boolean heads) {
        return forward(new Forward.Training(tape, frozenNorm), images, heads);
    }

    /**
     * The forward pass of a network that goes on changing, without a tape: batch norm uses the batch's own statistics,
     * as in training, and moves the running ones. Nothing but the outputs is kept.
     *
     * @param engine computes and holds the tensors
     * @param images [N, C, H, W]; they stay the caller's
     * @param heads whether the auxiliary heads are wanted too
     * @return outputs for the N images, the caller's
     */
    public Outputs<Tensor> forward(Engine engine, Tensor images, boolean heads) {
        return forward(new Forward.Untaped(engine), images, heads);
    }

    /**
     * The forward pass.
     *
     * @param pass computes the layers
     * @param images [N, C, H, W]; they stay the caller's
     * @param heads whether the auxiliary heads are wanted too
     */
    <V> Outputs<V> forward(Forward<V> pass, V images, boolean heads) {
        return classify(pass::head, graph.run(pass, images), heads);
    }

    /**
     * The heads' part of the forward pass.
     *
     * @param linear applies a head to features
     */
    <V> Outputs<V> classify(BiFunction<Head, V, V> linear, List<V> pooled, boolean heads) {
        List<V> auxiliaryLogits = new ArrayList<>();
        for (int l = 0; heads && l < auxiliary.size(); l++) {
            auxiliaryLogits.add(linear.apply(auxiliary.get(l), pooled.get(l)));
        }
        return new Outputs<>(pooled, auxiliaryLogits, linear.apply(classifier, pooled.getLast()));
    }

    /** A classifier on features, whose outputs grow with the classes seen. */
    public static final class Head {
        private final String name;
        private final int inputs;
        private final Arena arena;
        private Parameter weight;
        private Parameter bias;

        Head(String name, int inputs, int outputs, Arena arena) {
            this.name = name;
            this.inputs = inputs;
            this.arena = arena;
            weight = new Parameter(name + ".weight", Parameter.Role.HEAD, Shape.of(outputs, inputs), arena);
            bias = new Parameter(name + ".bias", Parameter.Role.HEAD, Shape.of(outputs), arena);
        }

        /** What its parameters' names begin with. */
        String name() {
            return name;
        }

        /**
         * A head in addition to a network's own, which starts as those do.
         *
         * @param name what its parameters' names begin with
         * @param inputs features
         * @param outputs logits
         * @param arena holds its parameters
         * @param seed of the starting values
         * @return the head
         */
        public static Head of(String name, int inputs, int outputs, Arena arena, long seed) {
            Head head = new Head(name, inputs, 0, arena);
            head.grow(outputs, new SplittableRandom(seed));
            return head;
        }

        /**
         * The weight as it is now; another object after {@link #grow}.
         *
         * @return [outputs, inputs]
         */
        public Parameter weight() {
            return weight;
        }

        /**
         * The bias as it is now; another object after {@link #grow}.
         *
         * @return [outputs]
         */
        public Parameter bias() {
            return bias;
        }

        /**
         * How many logits it gives.
         *
         * @return classes that it distinguishes
         */
        public int outputs() {
            return bias.size();
        }

        /** Trained values with so many outputs. */
        long weights(int outputs) {
            return (inputs + 1L) * outputs;
        }

        /**
         * Adds outputs up to the given number; the old ones keep their weights, the new ones start as PyTorch's,
         * uniform in ±1/√inputs.
         */
        void grow(int outputs, RandomGenerator random) {
            if (outputs < outputs()) {
                throw new IllegalArgumentException(
                        name + " has " + outputs() + " outputs and cannot shrink to " + outputs);
            }
            int old = outputs();
            Parameter oldWeight = weight;
            Parameter oldBias = bias;
            weight = new Parameter(name + ".weight", Parameter.Role.HEAD, Shape.of(outputs, inputs), arena);
            bias = new Parameter(name + ".bias", Parameter.Role.HEAD, Shape.of(outputs), arena);
            weight.update().asSlice(0, oldWeight.shape().bytes()).copyFrom(oldWeight.read());
            bias.update().asSlice(0, oldBias.shape().bytes()).copyFrom(oldBias.read());
            oldWeight.forget();
            oldBias.forget();
            float bound = (float) (1 / Math.sqrt(inputs));
            Initialiser.uniform(weight, (long) old * inputs, bound, random);
            Initialiser.uniform(bias, old, bound, random);
        }
    }
}
