package dev.palimpsest.kernel.passes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.passes.BatchNormPasses.Geometry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** All implementations against each other, to the bit, and against the formulas in float64. */
class PassesTest {
    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);

    @AfterEach
    void close() {
        arena.close();
    }

    /** Blocks of 16 and 8, and channels last; one position, and counts that fill no accumulator. */
    private static final List<Geometry> GEOMETRIES = List.of(
            new Geometry(3, 32, 16, 49),
            new Geometry(2, 16, 16, 1),
            new Geometry(1, 8, 8, 6),
            new Geometry(4, 24, 8, 64),
            new Geometry(2, 3, 3, 35),
            new Geometry(2, 21, 21, 10));

    private MemorySegment floats(int count) {
        MemorySegment segment = arena.allocate(ValueLayout.JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() + 0.3));
        }
        return segment;
    }

    private static float[] array(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_FLOAT);
    }

    private static int[] bits(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_INT);
    }

    private interface Pass {
        Range bind(BatchNormPasses passes, MemorySegment out);
    }

    /** The same bits from all, whether the images are done at once or one by one. */
    private MemorySegment agreed(Geometry geometry, int outputs, Pass pass) {
        MemorySegment expected = arena.allocate(ValueLayout.JAVA_FLOAT, outputs);
        try (BatchNormPasses java = new BatchNormPasses(Implementation.JAVA, geometry)) {
            pass.bind(java, expected).run(0, geometry.images());
        }
        for (Implementation implementation : Kernels.available()) {
            MemorySegment found = arena.allocate(ValueLayout.JAVA_FLOAT, outputs);
            try (BatchNormPasses passes = new BatchNormPasses(implementation, geometry)) {
                Range range = pass.bind(passes, found);
                for (int image = geometry.images() - 1; image >= 0; image--) {
                    range.run(image, image + 1);
                }
            }
            assertArrayEquals(bits(expected), bits(found), implementation + " " + geometry);
        }
        return expected;
    }

    /** Where a value lies. */
    private static int at(Geometry g, int image, int channel, int position) {
        int block = image * (g.channels() / g.width()) + channel / g.width();
        return (block * g.positions() + position) * g.width() + channel % g.width();
    }

    @Test
    void momentsAreThoseOfEachImageAndChannel() {
        for (Geometry g : GEOMETRIES) {
            MemorySegment x = floats(g.images() * g.channels() * g.positions());
            float[] values = array(x);
            float[] sums = array(agreed(g, 2 * g.images() * g.channels(), (passes, out) -> passes.moments(x, out)));
            for (int n = 0; n < g.images(); n++) {
                for (int c = 0; c < g.channels(); c++) {
                    double mean = 0;
                    for (int p = 0; p < g.positions(); p++) {
                        mean += (double) values[at(g, n, c, p)] / g.positions();
                    }
                    double squares = 0;
                    for (int p = 0; p < g.positions(); p++) {
                        squares += Math.pow(values[at(g, n, c, p)] - mean, 2);
                    }
                    assertEquals(mean, sums[2 * n * g.channels() + c], 1e-6 * (1 + Math.abs(mean)));
                    assertEquals(squares, sums[(2 * n + 1) * g.channels() + c], 1e-5 * squares);
                }
            }
        }
    }

    @Test
    void normalisesAddsAndClips() {
        for (Geometry g : GEOMETRIES) {
            int count = g.images() * g.channels() * g.positions();
            MemorySegment x = floats(count);
            MemorySegment residual = floats(count);
            MemorySegment scale = floats(g.channels());
            MemorySegment shift = floats(g.channels());
            for (boolean relu : List.of(false, true)) {
                float[] plain =
                        array(agreed(g, count, (passes, out) -> passes.normalise(x, scale, shift, null, relu, out)));
                float[] summed = array(
                        agreed(g, count, (passes, out) -> passes.normalise(x, scale, shift, residual, relu, out)));
                int clipped = 0;
                for (int n = 0; n < g.images(); n++) {
                    for (int c = 0; c < g.channels(); c++) {
                        for (int p = 0; p < g.positions(); p++) {
                            int i = at(g, n, c, p);
                            double y = (double) array(x)[i] * array(scale)[c] + array(shift)[c];
                            double z = y + array(residual)[i];
                            assertEquals(relu ? Math.max(0, y) : y, plain[i], 2e-6);
                            assertEquals(relu ? Math.max(0, z) : z, summed[i], 2e-6);
                            clipped += y < 0 ? 1 : 0;
                        }
                    }
                }
                assertTrue(clipped > 0);
            }
        }
    }

    /** The gradient of Σ w·norm(x) by its definition, with batch statistics, against finite differences in float64. */
    @Test
    void theGradientIsThatOfTheWholeNorm() {
        Geometry g = new Geometry(3, 8, 8, 5);
        int count = g.images() * g.channels() * g.positions();
        MemorySegment x = floats(count);
        MemorySegment gradient = floats(count);
        int per = g.images() * g.positions();
        double[] mean = new double[g.channels()];
        double[] deviation = new double[g.channels()];
        statistics(g, array(x), mean, deviation);
        MemorySegment means = floats(g.channels());
        for (int c = 0; c < g.channels(); c++) {
            means.setAtIndex(ValueLayout.JAVA_FLOAT, c, (float) mean[c]);
        }
        float[] sums = array(agreed(
                g, 2 * g.images() * g.channels(), (passes, out) -> passes.gradientSums(gradient, null, x, means, out)));
        MemorySegment first = floats(g.channels());
        MemorySegment second = floats(g.channels());
        MemorySegment third = floats(g.channels());
        for (int c = 0; c < g.channels(); c++) {
            double s = 0;
            double t = 0;
            for (int n = 0; n < g.images(); n++) {
                s += sums[2 * n * g.channels() + c];
                t += sums[(2 * n + 1) * g.channels() + c];
            }
            double r = 1 / deviation[c];
            first.setAtIndex(ValueLayout.JAVA_FLOAT, c, (float) r);
            second.setAtIndex(ValueLayout.JAVA_FLOAT, c, (float) (-r * r * r * t / per));
            third.setAtIndex(ValueLayout.JAVA_FLOAT, c, (float) (-r * s / per));
        }
        float[] found = array(agreed(
                g, count, (passes, out) -> passes.gradient(gradient, null, x, means, first, second, third, out)));
        for (int i = 0; i < count; i += 7) {
            double step = 1e-4;
            double difference =
                    (loss(g, array(x), array(gradient), i, step) - loss(g, array(x), array(gradient), i, -step))
                            / (2 * step);
            assertEquals(difference, found[i], 2e-4 * (1 + Math.abs(difference)));
        }
    }

    private static void statistics(Geometry g, float[] x, double[] mean, double[] deviation) {
        double[] wide = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            wide[i] = x[i];
        }
        statistics(g, wide, mean, deviation);
    }

    private static void statistics(Geometry g, double[] x, double[] mean, double[] deviation) {
        int per = g.images() * g.positions();
        for (int c = 0; c < g.channels(); c++) {
            List<Double> values = new ArrayList<>();
            for (int n = 0; n < g.images(); n++) {
                for (int p = 0; p < g.positions(); p++) {
                    values.add(x[at(g, n, c, p)]);
                }
            }
            mean[c] = values.stream().mapToDouble(v -> v).sum() / per;
            double m = mean[c];
            deviation[c] = Math.sqrt(
                    values.stream().mapToDouble(v -> (v - m) * (v - m)).sum() / per);
        }
    }

    private static double loss(Geometry g, float[] x, float[] weight, int moved, double step) {
        double[] wide = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            wide[i] = x[i] + (i == moved ? step : 0);
        }
        double[] mean = new double[g.channels()];
        double[] deviation = new double[g.channels()];
        statistics(g, wide, mean, deviation);
        double loss = 0;
        for (int n = 0; n < g.images(); n++) {
            for (int c = 0; c < g.channels(); c++) {
                for (int p = 0; p < g.positions(); p++) {
                    int i = at(g, n, c, p);
                    loss += weight[i] * (wide[i] - mean[c]) / deviation[c];
                }
            }
        }
        return loss;
    }

    @Test
    void onlyWhatTheReluLetThroughHasAGradient() {
        for (Geometry g : GEOMETRIES) {
            int count = g.images() * g.channels() * g.positions();
            MemorySegment x = floats(count);
            MemorySegment gradient = floats(count);
            MemorySegment scale = floats(g.channels());
            MemorySegment shift = floats(g.channels());
            BatchNormPasses.Affine relu = new BatchNormPasses.Affine(scale, shift);
            float[] output =
                    array(agreed(g, count, (passes, out) -> passes.normalise(x, scale, shift, null, true, out)));
            MemorySegment masked = arena.allocate(ValueLayout.JAVA_FLOAT, count);
            for (int i = 0; i < count; i++) {
                masked.setAtIndex(ValueLayout.JAVA_FLOAT, i, output[i] > 0 ? array(gradient)[i] : 0);
            }
            MemorySegment mean = floats(g.channels());
            MemorySegment one = floats(g.channels());
            int sums = 2 * g.images() * g.channels();
            assertArrayEquals(
                    bits(agreed(g, sums, (passes, out) -> passes.gradientSums(masked, null, x, mean, out))),
                    bits(agreed(g, sums, (passes, out) -> passes.gradientSums(gradient, relu, x, mean, out))));
            MemorySegment plain =
                    agreed(g, count, (p, out) -> p.gradient(gradient, relu, x, mean, one, null, null, out));
            for (int c = 0; c < g.channels(); c++) {
                int i = at(g, g.images() - 1, c, 0);
                assertEquals(array(masked)[i] * array(one)[c], array(plain)[i], "with running statistics");
            }
            assertArrayEquals(
                    bits(agreed(g, count, (p, out) -> p.gradient(masked, null, x, mean, one, one, one, out))),
                    bits(agreed(g, count, (p, out) -> p.gradient(gradient, relu, x, mean, one, one, one, out))));
        }
    }

    @Test
    void elementsAreComputedAsTheNameSays() {
        int count = 133;
        MemorySegment a = floats(count);
        MemorySegment b = floats(count);
        a.setAtIndex(ValueLayout.JAVA_FLOAT, 3, Float.NaN);
        a.setAtIndex(ValueLayout.JAVA_FLOAT, 4, -0f);
        b.setAtIndex(ValueLayout.JAVA_FLOAT, 5, Float.NaN);
        for (Elementwise.Operation operation : Elementwise.Operation.values()) {
            for (Implementation implementation : Kernels.available()) {
                MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, count);
                try (Elementwise elementwise = new Elementwise(implementation)) {
                    Range range = elementwise.bind(operation, count, a, b, out);
                    range.run(40, count);
                    range.run(0, 40);
                }
                for (int i = 0; i < count; i++) {
                    float x = array(a)[i];
                    float y = array(b)[i];
                    float expected = switch (operation) {
                        case ADD -> x + y;
                        case ADD_RELU -> x + y < 0 ? 0 : x + y;
                        case RELU -> x < 0 ? 0 : x;
                        case RELU_GRADIENT -> y > 0 ? x : 0;
                        case SUM -> x; // of one term
                    };
                    assertEquals(expected, array(out)[i], implementation + " " + operation + " of " + x + ", " + y);
                }
            }
        }
    }

    @Test
    void arraysAreSummedInTheirOrder() {
        int count = 37;
        int stride = 40;
        MemorySegment all = floats(3 * stride);
        float[] values = array(all);
        for (Implementation implementation : Kernels.available()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, count);
            try (Elementwise elementwise = new Elementwise(implementation)) {
                Range range = elementwise.bindSum(count, all, 3, stride, out);
                range.run(0, 21);
                range.run(21, count);
            }
            for (int i = 0; i < count; i++) {
                assertEquals(
                        values[i] + values[i + stride] + values[i + 2 * stride], array(out)[i], implementation + "");
            }
        }
    }
}
