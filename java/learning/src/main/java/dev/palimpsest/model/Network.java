package dev.palimpsest.model;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
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
     * The forward pass.
     *
     * @param <V> kind of values that the pass computes with
     * @param pass computes the layers
     * @param images [N, C, H, W]; they stay the caller's
     * @param heads whether the auxiliary heads are wanted too
     * @return outputs for the N images, the caller's
     */
    public <V> Outputs<V> forward(Forward<V> pass, V images, boolean heads) {
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
}
