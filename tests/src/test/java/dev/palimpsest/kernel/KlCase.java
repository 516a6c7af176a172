package dev.palimpsest.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** One set of inputs of {@link MultiTeacherKl}. */
record KlCase(
        int rows,
        int classes,
        List<ClassRange> ranges,
        float temperature,
        float[] student,
        float[][] teachers,
        float[] weight) {
    /** What a call gave. */
    record Result(double loss, float[] gradient) {
        int[] gradientBits() {
            int[] bits = new int[gradient.length];
            Arrays.setAll(bits, i -> Float.floatToIntBits(gradient[i]));
            return bits;
        }
    }

    /** Logits of standard deviation 3, weights between 0.25 and 1.25. */
    static KlCase random(long seed, int rows, int classes, float temperature, ClassRange... ranges) {
        SplittableRandom random = new SplittableRandom(seed);
        float[][] teachers = new float[ranges.length][];
        Arrays.setAll(teachers, k -> normal(random, rows * ranges[k].size()));
        float[] weight = new float[rows * ranges.length];
        for (int i = 0; i < weight.length; i++) {
            weight[i] = 0.25f + (float) random.nextDouble();
        }
        return new KlCase(
                rows, classes, List.of(ranges), temperature, normal(random, rows * classes), teachers, weight);
    }

    private static float[] normal(SplittableRandom random, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = 3 * (float) random.nextGaussian();
        }
        return values;
    }

    Result run(Variant variant) {
        float[] gradient = new float[rows * classes];
        Arrays.fill(gradient, Float.NaN);
        try (MultiTeacherKl kernel =
                new MultiTeacherKl(rows, classes, ranges, variant.threads(), variant.implementation())) {
            return new Result(kernel.lossAndGradient(rows, temperature, student, teachers, weight, gradient), gradient);
        }
    }
}
