package dev.palimpsest.kernel.passes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.passes.Winograd.Geometry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** All implementations against each other, to the bit, and against the definition of a convolution in float64. */
class WinogradTest {
    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);

    @AfterEach
    void close() {
        arena.close();
    }

    /** Even and odd sides, one position, a row of more tiles than a group has, groups that end inside of a row. */
    static List<Geometry> geometries() {
        return List.of(
                new Geometry(3, 16, 32, 5, 7),
                new Geometry(2, 32, 16, 8, 8),
                new Geometry(2, 48, 16, 1, 1),
                new Geometry(1, 16, 48, 3, 131),
                new Geometry(5, 64, 32, 4, 4),
                new Geometry(2, 16, 16, 14, 18));
    }

    private MemorySegment floats(long count) {
        MemorySegment segment = arena.allocate(ValueLayout.JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return segment;
    }

    private static double at(MemorySegment segment, long index) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    private static long activations(Geometry g, int channels) {
        return (long) g.images() * channels * g.height() * g.width();
    }

    private static long weights(Geometry g) {
        return (long) g.inputs() * g.outputs() * Winograd.TAPS;
    }

    private static long transformed(Geometry g) {
        return (long) g.inputs() * g.outputs() * Winograd.FREQUENCIES;
    }

    /** What all implementations write, from what the memory held before. */
    private MemorySegment agreed(float before, long count, BiConsumer<Winograd, MemorySegment> pass) {
        MemorySegment expected = MemorySegment.NULL;
        for (Implementation implementation : Kernels.available()) {
            MemorySegment found = arena.allocate(ValueLayout.JAVA_FLOAT, count);
            for (int i = 0; i < count; i++) {
                found.setAtIndex(ValueLayout.JAVA_FLOAT, i, before);
            }
            try (Winograd winograd = new Winograd(implementation)) {
                pass.accept(winograd, found);
            }
            if (implementation == Implementation.JAVA) {
                expected = found;
            }
            assertArrayEquals(
                    expected.toArray(ValueLayout.JAVA_INT), found.toArray(ValueLayout.JAVA_INT), implementation + "");
        }
        return expected;
    }

    private MemorySegment transform(Geometry g, MemorySegment weights, boolean flipped) {
        return agreed(Float.NaN, transformed(g), (winograd, out) -> winograd.weights(g, weights, flipped, out));
    }

    /** Of a channel of an activation in blocks of 16; 0 beyond its sides. */
    private static double value(Geometry g, MemorySegment from, int channels, int image, int channel, int y, int x) {
        boolean inside = y >= 0 && y < g.height() && x >= 0 && x < g.width();
        return inside ? at(from, index(g, channels, image, channel, y, x)) : 0;
    }

    private static long index(Geometry g, int channels, int image, int channel, int y, int x) {
        long block = (long) image * (channels / 16) + channel / 16;
        return ((block * g.height() + y) * g.width() + x) * 16 + channel % 16;
    }

    private interface Position {
        void at(int image, int channel, int y, int x);
    }

    private static void each(Geometry g, int channels, Position position) {
        for (int n = 0; n < g.images(); n++) {
            for (int k = 0; k < channels; k++) {
                for (int y = 0; y < g.height(); y++) {
                    for (int x = 0; x < g.width(); x++) {
                        position.at(n, k, y, x);
                    }
                }
            }
        }
    }

    /** The definition, and how large its terms are, which the error grows with. */
    private record Sum(double value, double magnitude) {}

    private static Sum convolved(Geometry g, MemorySegment x, MemorySegment w, int n, int k, int row, int column) {
        double sum = 0;
        double magnitude = 0;
        for (int c = 0; c < g.inputs(); c++) {
            for (int i = 0; i < Winograd.TAPS; i++) {
                double term = at(w, ((long) k * g.inputs() + c) * Winograd.TAPS + i)
                        * value(g, x, g.inputs(), n, c, row + i / 3 - 1, column + i % 3 - 1);
                sum += term;
                magnitude += term * term;
            }
        }
        return new Sum(sum, Math.sqrt(magnitude));
    }

    /** Some millionths of what the terms amount to; a value of none would have to be exact. */
    private static void assertNear(Sum expected, double found, String what) {
        assertEquals(expected.value, found, 4e-6 * expected.magnitude, what);
    }

    @ParameterizedTest
    @MethodSource("geometries")
    void convolvesAddsAndClips(Geometry g) {
        MemorySegment x = floats(activations(g, g.inputs()));
        MemorySegment w = floats(weights(g));
        MemorySegment bias = floats(g.outputs());
        MemorySegment residual = floats(activations(g, g.outputs()));
        MemorySegment u = transform(g, w, false);
        long count = activations(g, g.outputs());
        MemorySegment plain = agreed(Float.NaN, count, (v, out) -> v.convolve(g, x, u, null, null, false, out));
        MemorySegment relu = agreed(Float.NaN, count, (v, out) -> v.convolve(g, x, u, null, null, true, out));
        MemorySegment full = agreed(Float.NaN, count, (v, out) -> {
            out.copyFrom(residual);
            v.convolve(g, x, u, bias, out, true, out);
        });
        MemorySegment sum = agreed(Float.NaN, count, (v, out) -> v.convolve(g, x, u, bias, residual, false, out));
        each(g, g.outputs(), (n, k, y, column) -> {
            long i = index(g, g.outputs(), n, k, y, column);
            Sum expected = convolved(g, x, w, n, k, y, column);
            assertNear(expected, at(plain, i), "plain at " + i);
            float found = (float) at(plain, i);
            assertEquals(Math.max(0, found), at(relu, i), "clipped at " + i);
            float added = found + (float) at(bias, k) + (float) at(residual, i);
            assertEquals(added, at(sum, i), "with bias and residual at " + i);
            assertEquals(Math.max(0, added), at(full, i), "in place at " + i);
        });
    }

    /** Groups of tiles reach over images: where one begins is no matter. */
    @ParameterizedTest
    @MethodSource("geometries")
    void anImageAloneHasTheBitsItHasAmongOthers(Geometry g) {
        MemorySegment x = floats(activations(g, g.inputs()));
        MemorySegment u = transform(g, floats(weights(g)), false);
        long count = activations(g, g.outputs());
        Geometry one = new Geometry(1, g.inputs(), g.outputs(), g.height(), g.width());
        long in = x.byteSize() / g.images();
        MemorySegment together = agreed(Float.NaN, count, (v, out) -> v.convolve(g, x, u, null, null, false, out));
        MemorySegment apart = agreed(Float.NaN, count, (v, out) -> {
            long to = out.byteSize() / g.images();
            for (int n = g.images() - 1; n >= 0; n--) {
                v.convolve(one, x.asSlice(n * in, in), u, null, null, false, out.asSlice(n * to, to));
            }
        });
        assertArrayEquals(together.toArray(ValueLayout.JAVA_INT), apart.toArray(ValueLayout.JAVA_INT));
    }

    /** ∂/∂x of Σ g · convolution(x): each output reaches back to where it came from. */
    @ParameterizedTest
    @MethodSource("geometries")
    void theFlippedWeightsGiveTheGradientByTheImages(Geometry g) {
        Geometry back = g.transposed();
        MemorySegment gradient = floats(activations(g, g.outputs()));
        MemorySegment w = floats(weights(g));
        MemorySegment u = transform(back, w, true);
        MemorySegment found = agreed(
                Float.NaN,
                activations(g, g.inputs()),
                (v, out) -> v.convolve(back, gradient, u, null, null, false, out));
        each(g, g.inputs(), (n, c, row, column) -> {
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < g.outputs(); k++) {
                for (int i = 0; i < Winograd.TAPS; i++) {
                    double term = at(w, ((long) k * g.inputs() + c) * Winograd.TAPS + i)
                            * value(g, gradient, g.outputs(), n, k, row - i / 3 + 1, column - i % 3 + 1);
                    sum += term;
                    magnitude += term * term;
                }
            }
            long i = index(g, g.inputs(), n, c, row, column);
            assertNear(new Sum(sum, Math.sqrt(magnitude)), at(found, i), "at " + i);
        });
    }

    @ParameterizedTest
    @MethodSource("geometries")
    void theGradientOfTheWeightsIsSummedOverPartsAndAdded(Geometry g) {
        MemorySegment x = floats(activations(g, g.inputs()));
        MemorySegment gradient = floats(activations(g, g.outputs()));
        int part = Math.min(2, g.images());
        int parts = Math.ceilDiv(g.images(), part);
        MemorySegment packed = agreed(Float.NaN, parts * weights(g), (v, out) -> v.gradient(g, x, gradient, part, out));
        MemorySegment added = agreed(1, weights(g), (v, out) -> {
            for (int p = 0; p < parts; p++) {
                v.add(g, packed.asSlice(p * out.byteSize(), out.byteSize()), out);
            }
        });
        for (int k = 0; k < g.outputs(); k += 5) {
            for (int c = 0; c < g.inputs(); c += 3) {
                for (int i = 0; i < Winograd.TAPS; i++) {
                    String what = "output " + k + ", input " + c + ", tap " + i;
                    Sum expected = weightGradient(g, x, gradient, k, c, i);
                    long at = ((long) k * g.inputs() + c) * Winograd.TAPS + i;
                    assertEquals(1 + expected.value, at(added, at), 4e-6 * (1 + expected.magnitude), what);
                }
            }
        }
    }

    private static Sum weightGradient(Geometry g, MemorySegment x, MemorySegment gradient, int k, int c, int tap) {
        double[] sums = new double[2];
        each(new Geometry(g.images(), 1, 1, g.height(), g.width()), 1, (n, _, row, column) -> {
            double term = value(g, gradient, g.outputs(), n, k, row, column)
                    * value(g, x, g.inputs(), n, c, row + tap / 3 - 1, column + tap % 3 - 1);
            sums[0] += term;
            sums[1] += term * term;
        });
        return new Sum(sums[0], Math.sqrt(sums[1]));
    }
}
