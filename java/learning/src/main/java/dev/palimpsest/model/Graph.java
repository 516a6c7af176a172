package dev.palimpsest.model;

import dev.palimpsest.model.Layers.ReluLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Which layer reads whose output. Values are numbered: 0 is the images, i + 1 the output of step i, and every step
 * reads only values before its own.
 */
final class Graph {
    /**
     * One layer and the values that it reads.
     *
     * @param layer what it does
     * @param inputs values, each before the step's own
     */
    record Step(Layer layer, List<Integer> inputs) {}

    /** What is applied when, and which values nobody needs behind it. */
    private record Run(Layer layer, int value, List<Integer> inputs, List<Integer> done) {}

    private final List<Step> steps;
    private final List<Integer> outputs;
    /** Every layer as it was composed, and with what convolutions take along. */
    private final List<Run> plain;

    private final List<Run> fused;

    /**
     * Takes a ReLU into the layer before it where that can do both in one pass and nothing else reads its output.
     *
     * @param composed steps as they were composed
     * @param outputs values that the network gives
     * @throws IllegalArgumentException if there is no output or a layer leads to none
     */
    Graph(List<Step> composed, List<Integer> outputs) {
        if (outputs.isEmpty()) {
            throw new IllegalArgumentException("the network has no stage: end one with Node.stage()");
        }
        int[] readers = readers(composed, outputs);
        List<Step> merged = new ArrayList<>();
        int[] renumbered = new int[composed.size() + 1];
        for (int i = 0; i < composed.size(); i++) {
            Step step = composed.get(i);
            if (readers[i + 1] == 0) {
                throw new IllegalArgumentException(step.layer + " leads to no stage: use its output or leave it out");
            }
            Optional<Layer> both = Optional.empty();
            int before = step.inputs.getFirst();
            int at = renumbered[before] - 1;
            if (step.layer instanceof ReluLayer && at >= 0 && readers[before] == 1) {
                both = merged.get(at).layer.withRelu();
            }
            if (both.isPresent()) {
                merged.set(at, new Step(both.get(), merged.get(at).inputs));
                renumbered[i + 1] = at + 1;
            } else {
                merged.add(new Step(
                        step.layer,
                        step.inputs.stream().map(input -> renumbered[input]).toList()));
                renumbered[i + 1] = merged.size();
            }
        }
        this.steps = List.copyOf(merged);
        this.outputs = outputs.stream().map(output -> renumbered[output]).toList();
        plain = runs(IntStream.rangeClosed(1, steps.size())
                .mapToObj(value -> new Folding.Step(value, step(value).inputs, null))
                .toList());
        fused = runs(Folding.trained(this));
    }

    private List<Run> runs(List<Folding.Step> order) {
        int[] lastReader = lastReaders(order.stream().map(Folding.Step::inputs).toList(), steps.size() + 1, outputs);
        return IntStream.range(0, order.size())
                .mapToObj(i -> {
                    Folding.Step step = order.get(i);
                    return new Run(
                            step.folded() == null
                                    ? step(step.value()).layer
                                    : step.folded().normalised(),
                            step.value(),
                            step.inputs(),
                            step.inputs().stream()
                                    .distinct()
                                    .filter(input -> lastReader[input] == i)
                                    .toList());
                })
                .toList();
    }

    private static int[] readers(List<Step> steps, List<Integer> outputs) {
        int[] readers = new int[steps.size() + 1];
        steps.forEach(step -> step.inputs.forEach(input -> readers[input]++));
        outputs.forEach(output -> readers[output]++);
        return readers;
    }

    /**
     * For each of so many values the last of the readers, or as many as there are readers for what stays: outputs and
     * the images.
     */
    static int[] lastReaders(List<List<Integer>> readers, int values, List<Integer> outputs) {
        int[] last = new int[values];
        Arrays.fill(last, readers.size());
        for (int i = 0; i < readers.size(); i++) {
            for (int input : readers.get(i)) {
                last[input] = i;
            }
        }
        outputs.forEach(output -> last[output] = readers.size());
        last[0] = readers.size();
        return last;
    }

    List<Step> steps() {
        return steps;
    }

    List<Integer> outputs() {
        return outputs;
    }

    /** How many steps and outputs read each value. */
    int[] readers() {
        return readers(steps, outputs);
    }

    /** The step that gives a value, which is not the images. */
    Step step(int value) {
        return steps.get(value - 1);
    }

    /** Runs all steps in order and lets go of each value behind its last reader. */
    <V> List<V> run(Forward<V> pass, V images) {
        List<V> values = new ArrayList<>(Collections.nCopies(steps.size() + 1, null));
        values.set(0, images);
        for (Run run : pass.fuses() ? fused : plain) {
            values.set(
                    run.value,
                    pass.layer(run.layer, run.inputs.stream().map(values::get).toList()));
            for (int input : run.done) {
                pass.done(values.set(input, null));
            }
        }
        return outputs.stream().map(values::get).toList();
    }
}
