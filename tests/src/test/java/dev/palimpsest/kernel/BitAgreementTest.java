package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.Kernels.Implementation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** All implementations, at every number of threads, give the bits that one thread of plain Java gives. */
class BitAgreementTest {
    private static final Variant SPECIFICATION = new Variant(Implementation.JAVA, 1);

    /** Around every vector width, the 128 slots, the chunk of 2,048; tiny and large. */
    private static final int[] SIZES = {
        1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 200, 255, 257, 1000, 2047, 2048,
        2049, 2176, 2177, 4096, 5000, 10007
    };

    static List<KlCase> klCases() {
        List<KlCase> cases = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(11);
        for (int size : SIZES) {
            int rows = size > 2000 ? 2 : 1 + random.nextInt(9);
            int inner = random.nextInt(size);
            ClassRange all = new ClassRange(0, size);
            ClassRange tail = new ClassRange(inner, size);
            ClassRange head = new ClassRange(0, inner + 1);
            float temperature = (float) (0.3 + 4 * random.nextDouble());
            cases.add(KlCase.random(random.nextLong(), rows, size, temperature, all, all, tail, tail, head, all));
        }
        cases.add(KlCase.random(1, 4, 5, 1));
        KlCase extreme = KlCase.random(2, 5, 300, 0.7f, new ClassRange(0, 300), new ClassRange(10, 210));
        extreme.student()[7] = 1e30f;
        extreme.student()[300 + 5] = -3e38f;
        extreme.teachers()[0][2] = Float.NEGATIVE_INFINITY;
        extreme.teachers()[1][200 + 9] = -80f;
        extreme.weight()[4] = 0;
        extreme.weight()[5] = -0f;
        extreme.weight()[6] = -2;
        cases.add(extreme);
        KlCase spread = KlCase.random(3, 3, 500, 0.05f, new ClassRange(0, 500), new ClassRange(0, 500));
        cases.add(spread);
        return cases;
    }

    @ParameterizedTest
    @MethodSource("klCases")
    void multiTeacherKl(KlCase input) {
        KlCase.Result expected = input.run(SPECIFICATION);
        for (Variant variant : Variant.all()) {
            KlCase.Result actual = input.run(variant);
            assertEquals(
                    Double.doubleToLongBits(expected.loss()),
                    Double.doubleToLongBits(actual.loss()),
                    variant + " " + actual.loss());
            assertArrayEquals(expected.gradientBits(), actual.gradientBits(), variant.toString());
        }
    }

    @Test
    void featureMse() {
        SplittableRandom random = new SplittableRandom(12);
        for (int dims : SIZES) {
            int rows = dims > 2000 ? 2 : 1 + random.nextInt(9);
            int teachers = random.nextInt(5);
            float[] student = normal(random, rows * dims);
            float[][] given = new float[teachers][];
            Arrays.setAll(given, k -> normal(random, rows * dims));
            float[] weight = normal(random, rows * teachers);
            if (weight.length > 0) {
                weight[random.nextInt(weight.length)] = 0;
            }
            float[] expected = new float[rows * dims];
            double loss = mse(SPECIFICATION, rows, dims, student, given, weight, expected);
            for (Variant variant : Variant.all()) {
                float[] actual = new float[rows * dims];
                Arrays.fill(actual, Float.NaN);
                double other = mse(variant, rows, dims, student, given, weight, actual);
                assertEquals(Double.doubleToLongBits(loss), Double.doubleToLongBits(other), variant + " " + other);
                assertArrayEquals(bits(expected), bits(actual), variant + " " + rows + "×" + dims + "×" + teachers);
            }
        }
    }

    private static double mse(
            Variant variant,
            int rows,
            int dims,
            float[] student,
            float[][] teachers,
            float[] weight,
            float[] gradient) {
        try (FeatureMse kernel =
                new FeatureMse(rows, dims, teachers.length, variant.threads(), variant.implementation())) {
            return kernel.lossAndGradient(rows, student, teachers, weight, gradient);
        }
    }

    /** A NaN anywhere shows in every implementation, whatever its payload does to the exponent's bits. */
    @ParameterizedTest
    @ValueSource(ints = {0x7fc00000, 0x7fc00001, 0x7fffffff, 0xffc00155, 0x7f800000})
    void nanAndInfinityAreNeverHidden(int bits) {
        for (int at : new int[] {0, 60, 129}) {
            for (Variant variant : Variant.all()) {
                KlCase student = KlCase.random(4, 2, 130, 2, new ClassRange(0, 130));
                student.student()[at] = Float.intBitsToFloat(bits);
                assertTrue(Double.isNaN(student.run(variant).loss()), variant + " student " + at);
                assertTrue(Float.isNaN(student.run(variant).gradient()[1]), variant + " student " + at);
                KlCase teacher = KlCase.random(4, 2, 130, 2, new ClassRange(0, 130));
                teacher.teachers()[0][at] = Float.intBitsToFloat(bits);
                assertTrue(Double.isNaN(teacher.run(variant).loss()), variant + " teacher " + at);
            }
        }
    }

    private static float[] normal(SplittableRandom random, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToIntBits(values[i]));
        return bits;
    }
}
