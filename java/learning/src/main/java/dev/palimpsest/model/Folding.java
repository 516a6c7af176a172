package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.Layers.AddLayer;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.model.Layers.ReluLayer;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a network whose convolutions take what stands behind them along: the norm, the residual sum, the ReLU.
 * In a network that is only used the norm goes into the weights, and the rest into the convolution's pass over memory;
 * in one that is trained a convolution and its norm share passes. Every other layer stays as it is.
 */
final class Folding {
    /**
     * A convolution with what is folded into it.
     *
     * @param convolution the layer
     * @param norm the norm behind it; null for none
     * @param relu whether a ReLU ends it
     */
    record Folded(ConvolutionLayer convolution, @Nullable NormLayer norm, boolean relu) {
        /** As a layer, where there is a norm. */
        NormalisedConvolution normalised() {
            return new NormalisedConvolution(convolution, Objects.requireNonNull(norm), relu);
        }
    }

    /**
     * What a trained network applies in place of a convolution, its norm and what rides on it, in as few passes over
     * memory as the engine can; the same bits as one after the other. The second input, if there is one, is a residual.
     *
     * @param convolution the layer
     * @param norm the norm behind it
     * @param relu whether a ReLU ends it
     */
    record NormalisedConvolution(ConvolutionLayer convolution, NormLayer norm, boolean relu) implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return convolution.outputShape(inputs);
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable images = inputs.getFirst();
            Variable residual = inputs.size() == 2 ? inputs.getLast() : null;
            Convolution.Normalised forward = engine.normalisedConvolution(
                    images.value(),
                    convolution.weight(),
                    convolution.geometry(),
                    norm.norm(),
                    residual == null ? null : residual.value(),
                    relu,
                    frozenNorm);
            return tape.record(forward.output(), forward.saved(), gradient -> {
                if (residual == null) {
                    backward(tape, images, forward, gradient);
                    return;
                }
                Tensor passed = relu ? engine.reluGradient(gradient, forward.output()) : gradient.retain();
                tape.accumulate(residual, passed.retain());
                backward(tape, images, forward, passed);
                engine.release(passed);
            });
        }

        /** Adds to the images' gradient in place where nobody else reads it. */
        private static void backward(Tape tape, Variable images, Convolution.Normalised forward, Tensor gradient) {
            Tensor sum = tape.ownGradient(images);
            Tensor contribution = tape.engine()
                    .normalisedConvolutionGradient(gradient, images.value(), forward, tape.wantsGradient(images), sum);
            if (contribution != null && contribution != sum) {
                tape.accumulate(images, contribution);
            }
        }
    }

    /**
     * One step.
     *
     * @param value number of the graph's value that it gives
     * @param inputs numbers of the values that it reads; a folded convolution's second one is a residual, whose memory
     *     becomes the output
     * @param folded null where the graph's layer runs as it is
     */
    record Step(int value, List<Integer> inputs, @Nullable Folded folded) {
        boolean consumes(int input) {
            return folded != null && inputs.size() == 2 && inputs.getLast() == input;
        }
    }

    private final Graph graph;
    private final int[] readers;
    /** Whether convolutions without a norm stay as they are, and residuals too. */
    private final boolean trained;

    private final Map<Integer, Step> steps = new HashMap<>();

    private Folding(Graph graph, boolean trained) {
        this.graph = graph;
        this.trained = trained;
        readers = graph.readers();
        for (int value = 1; value <= graph.steps().size(); value++) {
            fold(value);
        }
    }

    /** Steps of a network that is only used, in the order in which they run. */
    static List<Step> of(Graph graph) {
        Folding folding = new Folding(graph, false);
        folding.keepWhatIsReadLater();
        return folding.inOrder();
    }

    /** Steps of a network that is trained, in the order in which they run; each folded one has a norm. */
    static List<Step> trained(Graph graph) {
        return new Folding(graph, true)
                .inOrder().stream()
                        .map(step -> step.folded == null || step.folded.norm != null
                                ? step
                                : new Step(step.value, step.inputs, null))
                        .toList();
    }

    private void fold(int value) {
        Graph.Step step = graph.step(value);
        List<Integer> inputs = step.inputs();
        Step before = steps.get(inputs.getFirst());
        Folded open = open(before);
        Step folded = new Step(value, inputs, null);
        if (step.layer() instanceof ConvolutionLayer convolution) {
            folded = new Step(value, inputs, new Folded(convolution, null, false));
        } else if (step.layer() instanceof NormLayer norm && before != null && open != null && open.norm == null) {
            folded = new Step(value, before.inputs, new Folded(open.convolution, norm, norm.relu()));
        } else if (step.layer() instanceof ReluLayer && before != null && open != null && takesMore(open)) {
            folded = new Step(value, before.inputs, new Folded(open.convolution, open.norm, true));
        } else if (step.layer() instanceof AddLayer add) {
            folded = sum(value, add, inputs.getFirst(), inputs.getLast());
        }
        steps.put(value, folded);
    }

    /** The first value's convolution takes the sum if it can, else the second one's. */
    private Step sum(int value, AddLayer add, int a, int b) {
        for (List<Integer> order : List.of(List.of(a, b), List.of(b, a))) {
            Step carrier = steps.get(order.getFirst());
            Folded open = open(carrier);
            if (a != b && carrier != null && open != null && takesMore(open)) {
                return new Step(
                        value,
                        List.of(carrier.inputs.getFirst(), order.getLast()),
                        new Folded(open.convolution, open.norm, add.relu()));
            }
        }
        return new Step(value, List.of(a, b), null);
    }

    /**
     * What a step folds, if that is a convolution, alone or with its norm, that only one layer reads and nothing was
     * done to since; else null.
     */
    private @Nullable Folded open(@Nullable Step step) {
        return step != null
                        && step.folded != null
                        && !step.folded.relu
                        && step.inputs.size() == 1
                        && readers[step.value] == 1
                ? step.folded
                : null;
    }

    private boolean takesMore(Folded folded) {
        return !trained || folded.norm != null;
    }

    private Step step(int value) {
        return Objects.requireNonNull(steps.get(value));
    }

    /** A residual that a later step reads too cannot become the sum: then the sum stays a step of its own. */
    private void keepWhatIsReadLater() {
        for (int value = 1; value <= graph.steps().size(); value++) {
            Step step = step(value);
            if (step.folded != null && step.inputs.size() == 2 && isReadAfter(step.inputs.getLast(), value)) {
                steps.put(value, new Step(value, graph.step(value).inputs(), null));
            }
        }
    }

    private boolean isReadAfter(int residual, int sum) {
        return residual == 0
                || graph.outputs().contains(residual)
                || inOrder().stream().anyMatch(step -> step.value > sum && step.inputs.contains(residual));
    }

    /** Those whose values somebody still reads: what is folded away has no reader left. */
    private List<Step> inOrder() {
        List<Step> needed = new ArrayList<>();
        boolean[] read = new boolean[graph.steps().size() + 1];
        graph.outputs().forEach(output -> read[output] = true);
        for (int value = graph.steps().size(); value > 0; value--) {
            if (read[value]) {
                needed.addFirst(step(value));
                step(value).inputs.forEach(input -> read[input] = true);
            }
        }
        return needed;
    }
}
