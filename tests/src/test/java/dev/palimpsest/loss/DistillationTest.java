package dev.palimpsest.loss;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Doubles;
import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Gradient;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DistillationTest {
    private static final int ROWS = 5;
    private static final int CLASSES = 7;
    private static final double TEMPERATURE = 2;
    private static final double WEIGHT = 1.0 / 3;
    private static final double UPSTREAM = 0.7;

    private final Arena arena = Arena.ofShared();
    private final Engine engine = open();
    private final Random random = new Random(4);

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    private float[] values(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (2 * random.nextGaussian());
        }
        return values;
    }

    private Tensor tensor(float[] values, int... extents) {
        return engine.tensor(Shape.of(extents), values);
    }

    /**
     * Once with a full batch and once with fewer rows than there is room for; teachers' memory is overwritten at once,
     * as its owner may.
     */
    @Test
    void logitsTermEqualsItsFormula() {
        List<ClassRange> ranges = List.of(new ClassRange(0, 3), new ClassRange(3, 4), new ClassRange(2, 7));
        try (Distillation distillation = Distillation.ofLogits(engine, ROWS, CLASSES, ranges, WEIGHT, TEMPERATURE)) {
            for (int rows : new int[] {ROWS, 2}) {
                float[] student = values(rows * CLASSES);
                List<float[]> said = ranges.stream()
                        .map(range -> values(rows * range.size()))
                        .toList();
                Tape tape = new Tape(engine);
                Variable input = Gradient.input(tape, tensor(student, rows, CLASSES));
                List<Tensor> teachers = new ArrayList<>();
                for (int k = 0; k < ranges.size(); k++) {
                    teachers.add(tensor(said.get(k), rows, ranges.get(k).size()));
                }
                Scalar term = distillation.term(tape, input, teachers);
                teachers.forEach(teacher -> engine.addScaled(teacher, Float.NaN, teacher));
                tape.backward(tape.weightedSum(List.of(term), new double[] {UPSTREAM}));
                requireEqual(Doubles.rows(student, CLASSES), term, Gradient.of(engine, input), z -> {
                    double loss = 0;
                    for (int k = 0; k < ranges.size(); k++) {
                        ClassRange range = ranges.get(k);
                        loss += WEIGHT
                                * Doubles.kl(
                                        Doubles.rows(said.get(k), range.size()),
                                        Doubles.columns(z, range.begin(), range.end()),
                                        TEMPERATURE);
                    }
                    return loss;
                });
            }
        }
    }

    @Test
    void featureTermEqualsItsFormula() {
        try (Distillation distillation = Distillation.ofFeatures(engine, ROWS, CLASSES, 2, WEIGHT)) {
            for (int rows : new int[] {ROWS, 1}) {
                float[] student = values(rows * CLASSES);
                List<float[]> said = List.of(values(rows * CLASSES), values(rows * CLASSES));
                Tape tape = new Tape(engine);
                Variable input = Gradient.input(tape, tensor(student, rows, CLASSES));
                Scalar term = distillation.term(
                        tape,
                        input,
                        said.stream()
                                .map(values -> tensor(values, rows, CLASSES))
                                .toList());
                tape.backward(tape.weightedSum(List.of(term), new double[] {UPSTREAM}));
                requireEqual(
                        Doubles.rows(student, CLASSES),
                        term,
                        Gradient.of(engine, input),
                        f -> said.stream()
                                .mapToDouble(
                                        values -> WEIGHT * Doubles.squaredDistance(f, Doubles.rows(values, CLASSES)))
                                .sum());
            }
        }
    }

    private static void requireEqual(
            double[][] at, Scalar term, float[] gradient, ToDoubleFunction<double[][]> reference) {
        Golden.close("loss", new double[] {reference.applyAsDouble(at)}, new double[] {term.value()}, 1e-6);
        Golden.close("gradient", Doubles.gradient(at, z -> UPSTREAM * reference.applyAsDouble(z)), gradient, 2e-6);
    }

    /**
     * All terms together on a whole network: along its own gradient, the loss rises by the gradient's length. Batch
     * norm uses running statistics, and every channel is shifted well above zero, so that the loss is smooth where it
     * is differentiated.
     */
    @Test
    void everyTermsGradientReachesTheWholeNetwork() {
        Network network = Networks.digitsNet(Shape.of(1, 6, 6), List.of(4, 5, 6))
                .withAuxiliaryHeads(true)
                .create(arena, 3);
        network.grow(4);
        network.parameters().stream()
                .filter(p -> p.name().endsWith("bn.bias") || p.name().equals("bn1.bias"))
                .forEach(p -> {
                    p.update().copyFrom(MemorySegment.ofArray(filled(p.size(), 6)));
                });
        float[] images = values(ROWS * 36);
        try (Distillation logits =
                        Distillation.ofLogits(engine, ROWS, 4, List.of(new ClassRange(0, 2)), 1, TEMPERATURE);
                Distillation features = Distillation.ofFeatures(engine, ROWS, 5, 1, 1)) {
            float[] teacherLogits = values(ROWS * 2);
            float[] teacherFeatures = values(ROWS * 5);
            Terms terms = new Terms(network, images, logits, teacherLogits, features, teacherFeatures);
            network.parameters().forEach(p -> p.gradientMirror().clear());
            loss(terms, true);
            for (Parameter parameter : network.parameters()) {
                requireSlope(parameter, terms);
            }
        }
    }

    private record Terms(
            Network network,
            float[] images,
            Distillation logits,
            float[] teacherLogits,
            Distillation features,
            float[] teacherFeatures) {}

    private static float[] filled(int count, float value) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }

    private double loss(Terms terms, boolean backward) {
        Tape tape = new Tape(engine);
        Outputs<Variable> outputs =
                terms.network.forward(tape, true, tape.input(tensor(terms.images, ROWS, 1, 6, 6)), true);
        List<Scalar> scalars = List.of(
                terms.logits.term(tape, outputs.logits(), List.of(tensor(terms.teacherLogits, ROWS, 2))),
                terms.logits.term(tape, outputs.auxiliary().get(0), List.of(tensor(terms.teacherLogits, ROWS, 2))),
                terms.features.term(tape, outputs.pooled().get(1), List.of(tensor(terms.teacherFeatures, ROWS, 5))),
                CrossEntropy.softmax(
                        tape, engine, outputs.auxiliary().get(1), new int[] {2, 3, 3, 2, 2}, new ClassRange(2, 4)));
        Scalar loss = tape.weightedSum(scalars, new double[] {1, 0.5, 0.05, 1});
        if (backward) {
            tape.backward(loss);
        } else {
            tape.clear();
        }
        return loss.value();
    }

    private void requireSlope(Parameter parameter, Terms terms) {
        float[] gradient = parameter.readGradient().toArray(JAVA_FLOAT);
        double length = 0;
        for (float g : gradient) {
            length += (double) g * g;
        }
        length = Math.sqrt(length);
        assertTrue(length > 1e-3, parameter.name() + " has a gradient of length " + length);
        float[] middle = parameter.toArray();
        double step = 2e-3;
        double above = lossAt(parameter, middle, gradient, step / length, terms);
        double below = lossAt(parameter, middle, gradient, -step / length, terms);
        parameter.set(middle);
        assertEquals(length, (above - below) / (2 * step), 0.01 * length, parameter.name());
    }

    private double lossAt(Parameter parameter, float[] middle, float[] gradient, double factor, Terms terms) {
        float[] moved = middle.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += (float) (factor * gradient[i]);
        }
        parameter.set(moved);
        return loss(terms, false);
    }
}
