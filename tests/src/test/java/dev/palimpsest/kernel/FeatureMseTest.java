package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FeatureMseTest {
    static List<Variant> variants() {
        return Variant.all();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void agreesWithDoublePrecisionMatrices(Variant variant) {
        int rows = 7;
        int dims = 203;
        SimpleMatrix f = floats(SimpleMatrix.random_DDRM(rows, dims, -3, 3, new Random(1)));
        SimpleMatrix[] g = new SimpleMatrix[4];
        Arrays.setAll(g, k -> floats(SimpleMatrix.random_DDRM(rows, dims, -3, 3, new Random(2 + k))));
        SimpleMatrix w = floats(SimpleMatrix.random_DDRM(rows, g.length, 0, 1, new Random(9)));
        double loss = 0;
        SimpleMatrix slope = new SimpleMatrix(rows, dims);
        for (int k = 0; k < g.length; k++) {
            SimpleMatrix weighted =
                    SimpleMatrix.diag(w.getColumn(k).getDDRM().getData()).mult(f.minus(g[k]));
            loss += weighted.elementMult(f.minus(g[k])).elementSum() / rows;
            slope = slope.plus(weighted.scale(2.0 / rows));
        }
        float[] gradient = new float[rows * dims];
        Arrays.fill(gradient, Float.NaN);
        try (FeatureMse kernel = new FeatureMse(rows, dims, g.length, variant.threads(), variant.implementation())) {
            float[][] teachers = Arrays.stream(g).map(FeatureMseTest::array).toArray(float[][]::new);
            Within.loss(
                    loss,
                    kernel.lossAndGradient(rows, array(f), teachers, array(w), gradient),
                    1e-6,
                    variant.toString());
            Within.gradient(slope.getDDRM().getData(), gradient, 1e-6, variant.toString());
        }
    }

    /** Rounded to float32, as the kernel gets it. */
    private static SimpleMatrix floats(SimpleMatrix matrix) {
        double[] data = matrix.getDDRM().getData();
        Arrays.setAll(data, i -> (float) data[i]);
        return matrix;
    }

    private static float[] array(SimpleMatrix matrix) {
        float[] values = new float[matrix.getNumElements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) matrix.get(i);
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aTeacherWithoutWeightIsNotReadAndNanIsNotHidden(Variant variant) {
        float[] student = {1, 2, 3, 4, 5, 6};
        float[][] teachers = {{0, 0, 0, Float.NaN, Float.NaN, Float.NaN}, {1, 1, 1, 1, 1, 1}};
        float[] gradient = new float[6];
        try (FeatureMse kernel = new FeatureMse(2, 3, 2, variant.threads(), variant.implementation())) {
            double expected = (14 + 0.5 * (9 + 16 + 25)) / 2;
            assertEquals(expected, kernel.lossAndGradient(2, student, teachers, new float[] {1, 0, 0, 0.5f}, gradient));
            assertTrue(
                    Double.isNaN(kernel.lossAndGradient(2, student, teachers, new float[] {1, 0, 1, 0.5f}, gradient)));
            assertTrue(Float.isNaN(gradient[3]));
        }
    }

    /**
     * The gradient of two teachers is fma(a, b, c) when chosen so: one row, f = 0, the first teacher gives c with
     * weight 1/2, the second gives b with weight a/2. The baseline has no such instruction and computes it in float64,
     * where rounding twice would show.
     */
    @ParameterizedTest
    @MethodSource("variants")
    void fusedMultiplyAddsRoundOnce(Variant variant) {
        SplittableRandom random = new SplittableRandom(5);
        int n = 4096;
        float[] gradient = new float[n];
        try (FeatureMse kernel = new FeatureMse(1, n, 2, variant.threads(), variant.implementation())) {
            for (int trial = 0; trial < 60; trial++) {
                float a = Math.scalb(1 + random.nextInt(1 << 12) / 4096f, random.nextInt(-20, 20));
                float[] minusB = new float[n];
                float[] minusC = new float[n];
                for (int i = 0; i < n; i++) {
                    float b = hard(random, i);
                    minusB[i] = -b;
                    // Around a·b, a half or a quarter of its last place away, denormal, and far off.
                    float near = Math.scalb(a * b, random.nextInt(-26, 26));
                    float c = i % 3 == 0 ? hard(random, i / 3) : random.nextBoolean() ? near : -near;
                    minusC[i] = -c;
                }
                kernel.lossAndGradient(
                        1, new float[n], new float[][] {minusC, minusB}, new float[] {0.5f, a / 2}, gradient);
                for (int i = 0; i < n; i++) {
                    float expected = Math.fma(a, -minusB[i], -minusC[i]);
                    int at = i;
                    assertEquals(
                            Float.floatToIntBits(expected),
                            Float.floatToIntBits(gradient[i]),
                            () -> variant + ": fma(" + a + ", " + -minusB[at] + ", " + -minusC[at] + ")");
                }
            }
        }
    }

    private static float hard(SplittableRandom random, int kind) {
        return switch (kind % 4) {
            case 0 -> Math.scalb(1 + random.nextInt(1 << 12) / 4096f, random.nextInt(-100, 100));
            case 1 -> Float.intBitsToFloat(random.nextInt(1 << 23) | random.nextInt(1, 200) << 23);
            case 2 -> Float.intBitsToFloat(random.nextInt(1, 1 << 23));
            default -> 1 + Math.scalb(1f, -random.nextInt(1, 24));
        };
    }

    @ParameterizedTest
    @MethodSource("variants")
    void sizesAreChecked(Variant variant) {
        try (FeatureMse kernel = new FeatureMse(2, 3, 1, variant.threads(), variant.implementation())) {
            IllegalArgumentException error = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernel.lossAndGradient(
                            2, new float[6], new float[][] {new float[5]}, new float[2], new float[6]));
            assertEquals("teacher 0 needs 24 bytes (2×3 float32), has 20", error.getMessage());
        }
    }
}
