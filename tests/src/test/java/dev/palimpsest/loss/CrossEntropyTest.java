package dev.palimpsest.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CrossEntropyTest {
    private static final int CLASSES = 5;
    private static final double TOLERANCE = 1e-6;
    private static final double UPSTREAM = 0.3;

    private final Engine engine = open();
    private final Tape tape = new Tape(engine);

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    /** The loss itself, and the gradient of UPSTREAM times the loss. */
    private record Found(double loss, float[] gradient) {}

    private Found find(float[] logits, int classes, Function<Variable, Scalar> term) {
        Variable input = Gradient.input(tape, tensor(logits, classes));
        Scalar loss = term.apply(input);
        tape.backward(tape.weightedSum(List.of(loss), new double[] {UPSTREAM}));
        return new Found(loss.value(), Gradient.of(engine, input));
    }

    private Tensor tensor(float[] values, int columns) {
        return engine.tensor(Shape.of(values.length / columns, columns), values);
    }

    private static void requireEqual(float[] logits, Found found, ToDoubleFunction<double[][]> reference) {
        double[][] rows = Doubles.rows(logits, CLASSES);
        Golden.close("loss", new double[] {reference.applyAsDouble(rows)}, new double[] {found.loss}, TOLERANCE);
        Golden.close(
                "gradient",
                Doubles.gradient(rows, z -> UPSTREAM * reference.applyAsDouble(z)),
                found.gradient,
                TOLERANCE);
    }

    private static float[] random(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (2 * random.nextGaussian());
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({"0, 5", "3, 5", "1, 4", "2, 3"})
    void softmaxOverARangeEqualsItsFormula(int begin, int end) {
        int[] labels = {begin, end - 1, begin, end - 1, (begin + end) / 2, begin, begin};
        float[] logits = random(labels.length * CLASSES, 1);
        Found found =
                find(logits, CLASSES, z -> CrossEntropy.softmax(tape, engine, z, labels, new ClassRange(begin, end)));
        if (end - begin == 1) {
            assertEquals(0, found.loss, 1e-12, "one class leaves nothing to tell apart");
            assertArrayEquals(new float[logits.length], found.gradient, 1e-12f);
            return;
        }
        requireEqual(logits, found, rows -> {
            double loss = 0;
            for (int row = 0; row < labels.length; row++) {
                double sum = 0;
                for (int c = begin; c < end; c++) {
                    sum += Math.exp(rows[row][c]);
                }
                loss -= Math.log(Math.exp(rows[row][labels[row]]) / sum);
            }
            return loss / labels.length;
        });
    }

    @Test
    void softmaxDoesNotReadColumnsOutsideItsRange() {
        float[] logits = {Float.NaN, 1, 2, Float.POSITIVE_INFINITY, 1e30f, -3, 0.5f, Float.NaN};
        Found found =
                find(logits, 4, z -> CrossEntropy.softmax(tape, engine, z, new int[] {1, 2}, new ClassRange(1, 3)));
        assertEquals((Math.log(1 + Math.exp(1)) + Math.log(1 + Math.exp(-3.5))) / 2, found.loss, 1e-12);
        for (int outside : new int[] {0, 3, 4, 7}) {
            assertEquals(0, found.gradient[outside]);
        }
    }

    /** @param oldClasses how many columns have the last model's sigmoid as their target */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 5})
    void sigmoidWithTheLastModelsTargetsEqualsItsFormula(int oldClasses) {
        int[] labels = {4, 0, 3, 2, 1, 4};
        float[] logits = random(labels.length * CLASSES, 2);
        float[] last = random(labels.length * oldClasses, 3);
        Tensor lastTensor = oldClasses == 0 ? null : tensor(last, oldClasses);
        Found found = find(logits, CLASSES, z -> CrossEntropy.sigmoid(tape, engine, z, labels, lastTensor));
        requireEqual(logits, found, rows -> {
            double loss = 0;
            for (int row = 0; row < labels.length; row++) {
                for (int c = 0; c < CLASSES; c++) {
                    double target =
                            c < oldClasses ? 1 / (1 + Math.exp(-last[row * oldClasses + c])) : labels[row] == c ? 1 : 0;
                    double said = 1 / (1 + Math.exp(-rows[row][c]));
                    loss -= target * Math.log(said) + (1 - target) * Math.log(1 - said);
                }
            }
            return loss / labels.length;
        });
    }

    @Test
    void extremeLogitsGiveFiniteLosses() {
        float[] logits = {1e4f, -1e4f, 0};
        Found softmax =
                find(logits, 3, z -> CrossEntropy.softmax(tape, engine, z, new int[] {1}, new ClassRange(0, 3)));
        assertEquals(2e4, softmax.loss, 1e-9);
        assertArrayEquals(new float[] {(float) UPSTREAM, (float) -UPSTREAM, 0}, softmax.gradient);
        Found sigmoid = find(logits, 3, z -> CrossEntropy.sigmoid(tape, engine, z, new int[] {1}, null));
        assertEquals(2e4 + Math.log(2), sigmoid.loss, 1e-9);
        assertArrayEquals(new float[] {(float) UPSTREAM, (float) -UPSTREAM, (float) (UPSTREAM / 2)}, sigmoid.gradient);
        Found taught = find(
                logits,
                3,
                z -> CrossEntropy.sigmoid(tape, engine, z, new int[] {2}, tensor(new float[] {1e4f, -1e4f}, 2)));
        assertEquals(Math.log(2), taught.loss, 1e-9);
    }

    @Test
    void nanStaysNan() {
        float[] logits = {0, 1, Float.NaN, 1, 2, 3};
        Found softmax =
                find(logits, 3, z -> CrossEntropy.softmax(tape, engine, z, new int[] {0, 0}, new ClassRange(0, 3)));
        Found sigmoid = find(logits, 3, z -> CrossEntropy.sigmoid(tape, engine, z, new int[] {0, 0}, null));
        assertTrue(Double.isNaN(softmax.loss) && Double.isNaN(sigmoid.loss), softmax.loss + " " + sigmoid.loss);
        assertTrue(Float.isNaN(softmax.gradient[0]) && Float.isNaN(sigmoid.gradient[2]));
        Tensor last = tensor(new float[] {Float.NaN, 0}, 1);
        Found taught =
                find(new float[] {0, 1, 1, 2}, 2, z -> CrossEntropy.sigmoid(tape, engine, z, new int[] {1, 1}, last));
        assertTrue(Double.isNaN(taught.loss));
    }

    @Test
    void whatDoesNotFitIsRefusedWithTheSizes() {
        Variable logits = tape.input(tensor(new float[6], 3));
        ClassRange all = new ClassRange(0, 3);
        refused(
                "label 3 lies outside the classes [0, 3)",
                () -> CrossEntropy.softmax(tape, engine, logits, new int[] {0, 3}, all));
        refused(
                "label 0 lies outside the classes [1, 3)",
                () -> CrossEntropy.softmax(tape, engine, logits, new int[] {2, 0}, new ClassRange(1, 3)));
        refused("label -1 lies outside", () -> CrossEntropy.sigmoid(tape, engine, logits, new int[] {-1, 0}, null));
        refused(
                "3 labels needs logits of 3 rows and at least 3 columns, got 2×3",
                () -> CrossEntropy.softmax(tape, engine, logits, new int[] {0, 1, 2}, all));
        refused(
                "at least 4 columns, got 2×3",
                () -> CrossEntropy.softmax(tape, engine, logits, new int[] {0, 1}, new ClassRange(0, 4)));
        refused(
                "need 2 rows and at most 3 columns to be targets for logits of 2×3, got 1×2",
                () -> CrossEntropy.sigmoid(tape, engine, logits, new int[] {0, 1}, tensor(new float[2], 2)));
        refused("got 2×4", () -> CrossEntropy.sigmoid(tape, engine, logits, new int[] {0, 1}, tensor(new float[8], 4)));
        Variable empty = tape.input(engine.allocate(Shape.of(0, 3)));
        refused("is empty", () -> CrossEntropy.softmax(tape, engine, empty, new int[0], all));
        refused("is empty", () -> CrossEntropy.sigmoid(tape, engine, empty, new int[0], null));
    }

    private static void refused(String part, Runnable action) {
        String message =
                assertThrows(IllegalArgumentException.class, action::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
