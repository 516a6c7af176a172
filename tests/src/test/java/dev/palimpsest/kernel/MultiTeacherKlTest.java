package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.Kernels.Implementation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MultiTeacherKlTest {
    private static final ClassRange[] RANGES = {
        new ClassRange(0, 37), new ClassRange(0, 37), new ClassRange(10, 30), new ClassRange(36, 37)
    };

    static List<Variant> variants() {
        return Variant.all();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void agreesWithDoublePrecisionMatrices(Variant variant) {
        for (float temperature : new float[] {0.5f, 1, 2, 7.3f}) {
            KlCase input = KlCase.random(21, 11, 37, temperature, RANGES);
            KlCase.Result actual = input.run(variant);
            SimpleMatrix slope = new SimpleMatrix(input.rows(), input.classes());
            Within.loss(reference(input, slope), actual.loss(), 1e-6, variant.toString());
            Within.gradient(slope.getDDRM().getData(), actual.gradient(), 1e-6, variant.toString());
        }
    }

    /** The formula as it is written, on matrices in float64. Fills the gradient and returns the loss. */
    private static double reference(KlCase input, SimpleMatrix slope) {
        double t = input.temperature();
        SimpleMatrix student = matrix(input.student(), input.rows(), input.classes());
        SimpleMatrix weight =
                matrix(input.weight(), input.rows(), input.ranges().size());
        double loss = 0;
        for (int k = 0; k < input.ranges().size(); k++) {
            ClassRange range = input.ranges().get(k);
            SimpleMatrix q = softmax(student.cols(range.begin(), range.end()).divide(t));
            SimpleMatrix p = softmax(
                    matrix(input.teachers()[k], input.rows(), range.size()).divide(t));
            SimpleMatrix divergence = p.elementMult(p.elementLog().minus(q.elementLog()));
            for (int row = 0; row < input.rows(); row++) {
                double w = weight.get(row, k) / input.rows();
                loss += w * t * t * divergence.getRow(row).elementSum();
                for (int c = 0; c < range.size(); c++) {
                    int column = range.begin() + c;
                    slope.set(row, column, slope.get(row, column) + w * t * (q.get(row, c) - p.get(row, c)));
                }
            }
        }
        return loss;
    }

    private static SimpleMatrix softmax(SimpleMatrix logits) {
        SimpleMatrix e = logits.elementExp();
        for (int row = 0; row < e.getNumRows(); row++) {
            e.setRow(row, e.getRow(row).divide(e.getRow(row).elementSum()));
        }
        return e;
    }

    private static SimpleMatrix matrix(float[] values, int rows, int columns) {
        double[] data = new double[values.length];
        Arrays.setAll(data, i -> values[i]);
        return new SimpleMatrix(rows, columns, true, data);
    }

    @Test
    void addingAConstantToARowOfLogitsChangesNothing() {
        KlCase input = KlCase.random(22, 6, 37, 2, RANGES);
        KlCase.Result before = input.run(new Variant(Kernels.chosen(), 2));
        // Multiples of a quarter and a power of two: the shifted logits are exact, so the bits must not move.
        quantise(input.student());
        quantise(input.teachers()[0]);
        KlCase.Result exact = input.run(new Variant(Kernels.chosen(), 2));
        for (int i = 0; i < 37; i++) {
            input.student()[37 + i] += 64;
            input.teachers()[0][i] -= 32;
        }
        KlCase.Result shifted = input.run(new Variant(Kernels.chosen(), 2));
        assertEquals(exact.loss(), shifted.loss());
        assertArrayEquals(exact.gradientBits(), shifted.gradientBits());
        assertTrue(
                Math.abs(before.loss() - exact.loss()) > 1e-6,
                "rounding the logits is seen, so the comparison above sees something");
    }

    private static void quantise(float[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.round(values[i] * 4) / 4f;
        }
    }

    @Test
    void permutingRowsPermutesTheGradient() {
        KlCase input = KlCase.random(23, 5, 37, 2, RANGES);
        float[][] teachers = Arrays.stream(input.teachers())
                .map(teacher -> reversedRows(teacher, 5))
                .toArray(float[][]::new);
        KlCase reversed = new KlCase(
                5, 37, input.ranges(), 2, reversedRows(input.student(), 5), teachers, reversedRows(input.weight(), 5));
        Variant variant = new Variant(Kernels.chosen(), 2);
        assertArrayEquals(
                reversedRows(input.run(variant).gradient(), 5),
                reversed.run(variant).gradient());
        assertEquals(
                input.run(variant).loss(),
                reversed.run(variant).loss(),
                1e-14 * input.run(variant).loss());
    }

    private static float[] reversedRows(float[] values, int rows) {
        int columns = values.length / rows;
        float[] reversed = new float[values.length];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(values, row * columns, reversed, (rows - 1 - row) * columns, columns);
        }
        return reversed;
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aTeacherWithoutWeightIsNotRead(Variant variant) {
        KlCase input = KlCase.random(24, 4, 37, 2, RANGES);
        input.weight()[4] = 0;
        input.weight()[5] = -0f;
        KlCase.Result expected = input.run(variant);
        Arrays.fill(input.teachers()[0], 37, 74, Float.NaN);
        Arrays.fill(input.teachers()[1], 37, 74, Float.NaN);
        KlCase.Result actual = input.run(variant);
        assertEquals(expected.loss(), actual.loss());
        assertArrayEquals(expected.gradientBits(), actual.gradientBits());
        Arrays.fill(input.weight(), 0);
        Arrays.fill(input.student(), Float.NaN);
        assertEquals(0, input.run(variant).loss());
        assertArrayEquals(new float[4 * 37], input.run(variant).gradient());
    }

    /** The classes in the middle are at −∞ in student and teacher: what is left is the loss without them. */
    @ParameterizedTest
    @MethodSource("variants")
    void aClassThatStudentAndTeacherMaskIsNoClass(Variant variant) {
        for (int masked : new int[] {1, 30, 200}) {
            KlCase kept = KlCase.random(26, 3, 150, 2, new ClassRange(0, 150));
            KlCase all = new KlCase(
                    3,
                    150 + masked,
                    List.of(new ClassRange(0, 150 + masked)),
                    2,
                    masked(kept.student(), masked),
                    new float[][] {masked(kept.teachers()[0], masked)},
                    kept.weight());
            SimpleMatrix slope = new SimpleMatrix(3, 150);
            Within.loss(reference(kept, slope), all.run(variant).loss(), 1e-6, variant.toString());
            float[] gradient = all.run(variant).gradient();
            Within.gradient(slope.getDDRM().getData(), unmasked(gradient, masked), 1e-6, variant.toString());
            for (int row = 0; row < 3; row++) {
                for (int c = 75; c < 75 + masked; c++) {
                    assertEquals(0, gradient[row * (150 + masked) + c], variant + " class " + c);
                }
            }
            assertArrayEquals(
                    all.run(new Variant(Implementation.JAVA, 1)).gradientBits(),
                    all.run(variant).gradientBits(),
                    variant.toString());
        }
    }

    private static float[] masked(float[] values, int masked) {
        float[] wider = new float[3 * (150 + masked)];
        Arrays.fill(wider, Float.NEGATIVE_INFINITY);
        for (int row = 0; row < 3; row++) {
            System.arraycopy(values, row * 150, wider, row * (150 + masked), 75);
            System.arraycopy(values, row * 150 + 75, wider, row * (150 + masked) + 75 + masked, 75);
        }
        return wider;
    }

    private static float[] unmasked(float[] values, int masked) {
        float[] narrower = new float[3 * 150];
        for (int row = 0; row < 3; row++) {
            System.arraycopy(values, row * (150 + masked), narrower, row * 150, 75);
            System.arraycopy(values, row * (150 + masked) + 75 + masked, narrower, row * 150 + 75, 75);
        }
        return narrower;
    }

    @ParameterizedTest
    @MethodSource("variants")
    void infinitiesFollowOneRule(Variant variant) {
        float none = Float.NEGATIVE_INFINITY;
        // p = sigmoid(0.95), q = sigmoid(-0.25), T = 2: 4·(p ln(p/q) + (1-p) ln((1-p)/(1-q)))
        Within.loss(0.6572849066, infinite(variant, none, none)[0], 1e-6, variant + " both");
        assertTrue(infinite(variant, 0, none)[0] > 0.6572849066, variant + " the teacher alone");
        assertEquals(Double.POSITIVE_INFINITY, infinite(variant, none, 0)[0], variant + " the student alone");
        assertTrue(infinite(variant, none, 0)[3] < -0.1, variant + " the student alone has a gradient");
        // The teacher's probability rounds to 0, the student's is 0.
        Within.loss(0.6572849066, infinite(variant, none, -1e9f)[0], 1e-6, variant + " far below");
        for (float never : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            for (double[] values : List.of(infinite(variant, never, none), infinite(variant, none, never))) {
                for (double value : values) {
                    assertTrue(Double.isNaN(value), variant + " " + never);
                }
            }
        }
    }

    /** Loss and gradient of two finite classes and one of these logits. */
    private static double[] infinite(Variant variant, float student, float teacher) {
        KlCase.Result result = new KlCase(
                        1,
                        3,
                        List.of(new ClassRange(0, 3)),
                        2,
                        new float[] {0.5f, 1, student},
                        new float[][] {{2, 0.1f, teacher}},
                        new float[] {1})
                .run(variant);
        float[] slope = result.gradient();
        return new double[] {result.loss(), slope[0], slope[1], slope[2]};
    }

    @ParameterizedTest
    @MethodSource("variants")
    void offHeapMemoryOfOneThreadAndArraysGiveTheSame(Variant variant) {
        KlCase input = KlCase.random(25, 9, 37, 2, RANGES);
        KlCase.Result expected = input.run(variant);
        try (Arena arena = Arena.ofConfined();
                MultiTeacherKl kernel =
                        new MultiTeacherKl(20, 37, input.ranges(), variant.threads(), variant.implementation())) {
            MemorySegment gradient = arena.allocate(9 * 37 * 4, 4);
            MemorySegment[] teachers = new MemorySegment[RANGES.length];
            Arrays.setAll(teachers, k -> arena.allocateFrom(ValueLayout.JAVA_FLOAT, input.teachers()[k]));
            double loss = kernel.lossAndGradient(
                    9,
                    2,
                    arena.allocateFrom(ValueLayout.JAVA_FLOAT, input.student()),
                    teachers,
                    arena.allocateFrom(ValueLayout.JAVA_FLOAT, input.weight()),
                    gradient);
            assertEquals(expected.loss(), loss);
            assertArrayEquals(expected.gradient(), gradient.toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    @Test
    void wrongInputsAreRefusedWithTheirSizes() {
        try (Arena arena = Arena.ofConfined();
                MultiTeacherKl kernel = new MultiTeacherKl(128, 100, List.of(new ClassRange(0, 100)), 1)) {
            MemorySegment full = arena.allocate(51200, 4);
            MemorySegment[] teacher = {arena.allocate(51200, 4)};
            MemorySegment weight = arena.allocate(512, 4);
            MemorySegment gradient = arena.allocate(51200, 4);
            refused(
                    "student needs 51200 bytes (128×100 float32), has 40960",
                    () -> kernel.lossAndGradient(128, 2, full.asSlice(0, 40960), teacher, weight, gradient));
            refused(
                    "teacher 0 needs 51200 bytes (128×100 float32), has 4",
                    () -> kernel.lossAndGradient(
                            128, 2, full, new MemorySegment[] {full.asSlice(0, 4)}, weight, gradient));
            refused(
                    "weight needs 512 bytes (128×1 float32), has 0",
                    () -> kernel.lossAndGradient(128, 2, full, teacher, weight.asSlice(0, 0), gradient));
            refused(
                    "gradient overlaps student: expected memory of its own",
                    () -> kernel.lossAndGradient(128, 2, full, teacher, weight, full));
            refused(
                    "gradient is read-only: expected memory to write to",
                    () -> kernel.lossAndGradient(128, 2, full, teacher, weight, gradient.asReadOnly()));
            refused(
                    "rows 129: expected 1 to 128, the most this kernel was made for",
                    () -> kernel.lossAndGradient(129, 2, full, teacher, weight, gradient));
            refused(
                    "rows 0: expected 1 to 128, the most this kernel was made for",
                    () -> kernel.lossAndGradient(0, 2, full, teacher, weight, gradient));
            refused(
                    "got 0 teachers, expected 1",
                    () -> kernel.lossAndGradient(128, 2, full, new MemorySegment[0], weight, gradient));
            for (float temperature : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
                refused(
                        "temperature " + temperature + ": expected a finite value above 0",
                        () -> kernel.lossAndGradient(128, temperature, full, teacher, weight, gradient));
            }
            MemorySegment closed;
            try (Arena other = Arena.ofConfined()) {
                closed = other.allocate(51200, 4);
            }
            refused(
                    "student is closed, of another thread, or not aligned to 4 bytes: expected open float32 memory",
                    () -> kernel.lossAndGradient(128, 2, closed, teacher, weight, gradient));
        }
        refused(
                "a teacher's classes [0, 11) lie outside the student's [0, 10)",
                () -> new MultiTeacherKl(1, 10, List.of(new ClassRange(0, 11)), 1));
        refused("threads 0: expected 1 to 1024", () -> new MultiTeacherKl(1, 10, List.of(), 0));
        refused("maxRows 0 and classes 10: expected at least 1 of each", () -> new MultiTeacherKl(0, 10, List.of(), 1));
    }

    @Test
    void aClosedKernelSaysSo() {
        MultiTeacherKl kernel = new MultiTeacherKl(1, 2, List.of(), 1);
        kernel.close();
        kernel.close();
        assertEquals(
                "this kernel is closed",
                assertThrows(
                                IllegalStateException.class,
                                () -> kernel.lossAndGradient(
                                        1, 1, new float[2], new float[0][], new float[0], new float[2]))
                        .getMessage());
    }

    private static void refused(String message, Runnable call) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }
}
