package dev.palimpsest.model;

import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.random.RandomGenerator;

/**
 * A convolutional classifier: a stem, stages of blocks, the mean over positions, a linear classifier that grows with
 * the classes seen, and, if asked for, an auxiliary classifier on every stage but the last. It holds weights and says
 * how they are applied; it computes nothing.
 */
public final class Network {
    private final Shape image;
    private final ConvNorm stem;
    /** Null where the stem does not pool. */
    private final MaxPooling stemPooling;

    private final List<List<Block>> stages;
    private final Linear classifier;
    private final List<Linear> auxiliary;
    private final List<ConvNorm> units;
    private final List<Parameter> body;
    private final List<Buffer> buffers;
    private final int pooledWidth;
    private final RandomGenerator random;

    Network(
            Builder builder,
            Shape image,
            ConvNorm stem,
            MaxPooling stemPooling,
            List<List<Block>> stages,
            List<Integer> widths,
            boolean auxiliaryHeads,
            Arena arena,
            RandomGenerator random) {
        this.image = image;
        this.stem = stem;
        this.stemPooling = stemPooling;
        this.stages = stages;
        this.units = List.copyOf(builder.units());
        this.body = List.copyOf(builder.parameters());
        this.buffers = List.copyOf(builder.buffers());
        this.random = random;
        pooledWidth = widths.stream().mapToInt(Integer::intValue).sum();
        classifier = new Linear("fc", widths.getLast(), 0, arena);
        auxiliary = new ArrayList<>();
        for (int l = 0; auxiliaryHeads && l < stages.size() - 1; l++) {
            auxiliary.add(new Linear("auxiliary" + (l + 1), widths.get(l), 0, arena));
        }
    }

    /** Channels, height and width of one image. */
    public Shape image() {
        return image;
    }

    public int classes() {
        return classifier.outputs();
    }

    public Linear classifier() {
        return classifier;
    }

    /** Lets all heads tell so many classes apart; the old ones keep their weights. */
    public void grow(int classes) {
        classifier.grow(classes, random);
        auxiliary.forEach(head -> head.grow(classes, random));
    }

    /** Pooled features of an image, over all stages. */
    public int pooledWidth() {
        return pooledWidth;
    }

    /** Everything that is trained, the heads last. Heads are other objects after {@link #grow}. */
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(body);
        heads().forEach(head -> all.addAll(List.of(head.weight(), head.bias())));
        return all;
    }

    /** What is trained without the heads. */
    List<Parameter> body() {
        return body;
    }

    /** Trained values, once the heads tell so many classes apart. */
    public long weights(int classes) {
        return body.stream().mapToLong(Parameter::size).sum()
                + heads().stream().mapToLong(head -> head.weights(classes)).sum();
    }

    /** Running means and variances. */
    public List<Buffer> buffers() {
        return buffers;
    }

    /** Every convolution with its norm, in the order of the forward pass's names. */
    public List<ConvNorm> units() {
        return units;
    }

    List<Linear> heads() {
        List<Linear> heads = new ArrayList<>(auxiliary);
        heads.addFirst(classifier);
        return heads;
    }

    /**
     * The forward pass.
     *
     * @param heads whether the auxiliary heads are wanted too
     */
    public <V> Outputs<V> forward(Forward<V> pass, V images, boolean heads) {
        V x = pass.unit(stem, images, null, true);
        if (stemPooling != null) {
            x = pass.maxPool(x, stemPooling);
        }
        List<V> pooled = new ArrayList<>();
        for (List<Block> stage : stages) {
            for (Block block : stage) {
                x = apply(pass, block, x);
            }
            // Pooled before the next stage runs: its blocks let go of what they have read.
            pooled.add(pass.averagePool(x));
        }
        pass.done(x);
        return classify(pass::linear, pooled, heads);
    }

    /**
     * The heads' part of the forward pass.
     *
     * @param linear applies a head to features
     */
    <V> Outputs<V> classify(BiFunction<Linear, V, V> linear, List<V> pooled, boolean heads) {
        List<V> auxiliaryLogits = new ArrayList<>();
        for (int l = 0; heads && l < auxiliary.size(); l++) {
            auxiliaryLogits.add(linear.apply(auxiliary.get(l), pooled.get(l)));
        }
        return new Outputs<>(pooled, auxiliaryLogits, linear.apply(classifier, pooled.getLast()));
    }

    private static <V> V apply(Forward<V> pass, Block block, V x) {
        return switch (block) {
            case Block.Plain(ConvNorm unit) -> {
                V y = pass.unit(unit, x, null, true);
                pass.done(x);
                yield y;
            }
            case Block.Residual(ConvNorm first, ConvNorm second, ConvNorm shortcut) -> {
                V inner = pass.unit(first, x, null, true);
                V residual = x;
                if (shortcut != null) {
                    residual = pass.unit(shortcut, x, null, false);
                    pass.done(x);
                }
                V y = pass.unit(second, inner, residual, true);
                pass.done(inner);
                yield y;
            }
        };
    }
}
