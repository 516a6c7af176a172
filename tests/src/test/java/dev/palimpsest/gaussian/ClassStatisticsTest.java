package dev.palimpsest.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClassStatisticsTest {
    private static final int[] DIMS = {5, 3};
    private static final String PREFIX = "zebra.";
    private static final String DAMAGED = "zoo does not hold the statistics of a class: ";
    private static final String ADVICE = "; restore the file from a copy, or teach the class again";

    /** [networks][samples][dimensions] of correlated values around a mean. */
    private static float[][][] features(long seed, int samples, double mean) {
        Random random = new Random(seed);
        float[][][] features = new float[DIMS.length][samples][];
        for (int k = 0; k < DIMS.length; k++) {
            for (int i = 0; i < samples; i++) {
                features[k][i] = new float[DIMS[k]];
                double common = random.nextGaussian();
                for (int d = 0; d < DIMS[k]; d++) {
                    features[k][i][d] = (float) (mean + common + (d + 1) * random.nextGaussian());
                }
            }
        }
        return features;
    }

    private static float[][][] joined(float[][][]... parts) {
        float[][][] all = new float[DIMS.length][][];
        for (int k = 0; k < DIMS.length; k++) {
            int network = k;
            all[k] = Arrays.stream(parts)
                    .flatMap(part -> Arrays.stream(part[network]))
                    .toArray(float[][]::new);
        }
        return all;
    }

    private static SimpleMatrix matrix(ClassStatistics statistics, int network) {
        int d = statistics.mean(network).length;
        SimpleMatrix scatter = new SimpleMatrix(d, d);
        int at = 0;
        for (int i = 0; i < d; i++) {
            for (int j = 0; j <= i; j++) {
                scatter.set(i, j, statistics.scatter(network)[at]);
                scatter.set(j, i, statistics.scatter(network)[at++]);
            }
        }
        assertEquals(at, statistics.scatter(network).length);
        return scatter;
    }

    /** Σ(φ−μ)(φ−μ)ᵀ as a product of EJML's matrices. */
    private static void assertOf(float[][][] features, ClassStatistics actual, double tolerance) {
        assertEquals(features.length, actual.networks());
        for (int k = 0; k < features.length; k++) {
            int n = features[k].length;
            assertEquals(n, actual.count());
            SimpleMatrix x = new SimpleMatrix(features[k]);
            SimpleMatrix ones = SimpleMatrix.ones(n, 1);
            SimpleMatrix mean = x.transpose().mult(ones).scale(1.0 / n);
            SimpleMatrix off = x.minus(ones.mult(mean.transpose()));
            SimpleMatrix scatter = off.transpose().mult(off);
            SimpleMatrix found = new SimpleMatrix(actual.mean(k).length, 1, true, actual.mean(k));
            assertTrue(mean.minus(found).normF() <= tolerance * mean.normF());
            assertTrue(scatter.minus(matrix(actual, k)).normF() <= tolerance * scatter.normF());
            assertTrue(n == 1 || scatter.normF() > 0);
        }
    }

    private static void assertSameBits(ClassStatistics expected, ClassStatistics actual) {
        assertEquals(expected.count(), actual.count());
        assertEquals(expected.networks(), actual.networks());
        for (int k = 0; k < expected.networks(); k++) {
            assertArrayEquals(expected.mean(k), actual.mean(k));
            assertArrayEquals(expected.scatter(k), actual.scatter(k));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 200})
    void meanAndScatterAreThoseOfThePlainFormula(int samples) {
        float[][][] features = features(1, samples, 0.5);
        assertOf(features, ClassStatistics.of(features), 1e-13);
    }

    /** Sums of squares of which the square of the mean is taken away would leave no digit here. */
    @Test
    void aMeanFarFromZeroCostsNoDigits() {
        float[][][] features = features(2, 50, 1e6);
        assertOf(features, ClassStatistics.of(features), 1e-12);
        assertOf(
                joined(features, features(3, 50, 1e6)),
                ClassStatistics.of(features).merged(ClassStatistics.of(features(3, 50, 1e6))),
                1e-10);
    }

    @Test
    void mergedPartsAreTheWholeInEveryOrder() {
        float[][][] a = features(1, 40, 0);
        float[][][] b = features(2, 1, 5);
        float[][][] c = features(3, 7, -3);
        ClassStatistics sa = ClassStatistics.of(a);
        ClassStatistics sb = ClassStatistics.of(b);
        ClassStatistics sc = ClassStatistics.of(c);
        float[][][] all = joined(a, b, c);
        assertOf(all, sa.merged(sb).merged(sc), 1e-13);
        assertOf(all, sa.merged(sb.merged(sc)), 1e-13);
        assertOf(all, sc.merged(sb).merged(sa), 1e-13);
        assertSameBits(sa.merged(sb).merged(sc), sa.merged(sb).merged(sc));
    }

    @Test
    void mergingLeavesThePartsAlone() {
        ClassStatistics a = ClassStatistics.of(features(1, 40, 0));
        ClassStatistics b = ClassStatistics.of(features(2, 9, 5));
        ClassStatistics merged = a.merged(b);
        assertNotEquals(a.mean(0)[0], merged.mean(0)[0]);
        assertSameBits(ClassStatistics.of(features(1, 40, 0)), a);
        assertSameBits(ClassStatistics.of(features(2, 9, 5)), b);
    }

    @Test
    void whatIsKeptIsNotTheSamples() {
        float[][][] features = features(1, 40, 0);
        ClassStatistics statistics = ClassStatistics.of(features);
        for (float[][] network : features) {
            for (float[] sample : network) {
                Arrays.fill(sample, Float.NaN);
            }
        }
        assertSameBits(ClassStatistics.of(features(1, 40, 0)), statistics);
    }

    @Test
    void statisticsUnderOtherNetworksAreNotMerged() {
        ClassStatistics two = ClassStatistics.of(features(1, 4, 0));
        ClassStatistics one = ClassStatistics.of(Arrays.copyOf(features(1, 4, 0), 1));
        assertEquals(
                "statistics of [5, 3] dimensions under each network cannot take those of [5]",
                assertThrows(IllegalArgumentException.class, () -> two.merged(one))
                        .getMessage());
    }

    private static byte[] file(Consumer<SafetensorsWriter> tensors) {
        SafetensorsWriter writer = new SafetensorsWriter();
        tensors.accept(writer);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            writer.writeTo(Channels.newChannel(bytes));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    @Test
    void aFileGivesBackEveryBit() throws IOException {
        ClassStatistics a = ClassStatistics.of(features(1, 40, 0)).merged(ClassStatistics.of(features(2, 3, 1)));
        ClassStatistics b = ClassStatistics.of(Arrays.copyOf(features(3, 1, 1e-30), 1));
        Safetensors file = Safetensors.of("zoo", file(writer -> {
            a.write(writer, PREFIX);
            b.write(writer, "ape.");
        }));
        assertSameBits(a, ClassStatistics.read(file, PREFIX));
        assertSameBits(b, ClassStatistics.read(file, "ape."));
        long bytes = file.names().stream()
                .mapToLong(name -> file.tensor(name).data().byteSize())
                .sum();
        assertEquals(bytes, a.bytes() + b.bytes());
    }

    /** What {@link ClassStatistics#write} would have written, with the parts that a test damages. */
    private static Consumer<SafetensorsWriter> tensors(int count, double[] mean, double[] scatter) {
        return writer -> {
            writer.add(PREFIX + "count", Shape.of(1), new int[] {count});
            writer.add(PREFIX + "mean.0", Shape.of(mean.length), mean);
            writer.add(PREFIX + "scatter.0", Shape.of(scatter.length), scatter);
        };
    }

    private static String refusal(Consumer<SafetensorsWriter> tensors) throws IOException {
        Safetensors file = Safetensors.of("zoo", file(tensors));
        String message = assertThrows(IOException.class, () -> ClassStatistics.read(file, PREFIX))
                .getMessage();
        assertTrue(message.startsWith(DAMAGED), message);
        assertTrue(message.endsWith(ADVICE), message);
        return message.substring(DAMAGED.length(), message.length() - ADVICE.length());
    }

    @Test
    void whatNoStatisticsCanHoldIsRefusedWithASentence() throws IOException {
        double[] mean = {1, 2};
        double[] scatter = {4, -1, 3};
        Safetensors sound = Safetensors.of("zoo", file(tensors(7, mean, scatter)));
        assertEquals(7, ClassStatistics.read(sound, PREFIX).count());

        assertEquals("it has no samples", refusal(tensors(0, mean, scatter)));
        assertEquals("it has no samples", refusal(tensors(-1, mean, scatter)));
        assertEquals("it has sizes that differ", refusal(tensors(7, mean, new double[] {4, -1})));
        assertEquals("it has sizes that differ", refusal(tensors(7, new double[] {1, 2, 3}, scatter)));
        assertEquals("it has sizes that differ", refusal(tensors(7, new double[] {1}, scatter)));
        assertEquals("it has a value that is NaN", refusal(tensors(7, new double[] {1, Double.NaN}, scatter)));
        assertEquals("it has a value that is -Infinity", refusal(tensors(7, mean, new double[] {
            4, Double.NEGATIVE_INFINITY, 3
        })));
        assertEquals("it has a negative variance", refusal(tensors(7, mean, new double[] {4, -1, -3})));
        assertEquals("it has a correlation above 1", refusal(tensors(7, mean, new double[] {4, 3.5, 3})));
        assertEquals("it has a mean without values", refusal(tensors(7, new double[0], new double[0])));
        assertEquals("it has no samples", refusal(writer -> {
            writer.add(PREFIX + "count", Shape.of(0), new int[0]);
            writer.add(PREFIX + "mean.0", Shape.of(2), mean);
            writer.add(PREFIX + "scatter.0", Shape.of(3), scatter);
        }));
        String gap = refusal(writer -> {
            tensors(7, mean, scatter).accept(writer);
            writer.add(PREFIX + "mean.2", Shape.of(2), mean);
            writer.add(PREFIX + "scatter.2", Shape.of(3), scatter);
        });
        assertTrue(gap.contains("has no tensor zebra.mean.1"), gap);
    }

    @Test
    void samplesOfOtherDimensionsAreNotMerged() {
        ClassStatistics two = ClassStatistics.of(new float[][][] {{{1, 2}, {3, 4}}});
        ClassStatistics three = ClassStatistics.of(new float[][][] {{{1, 2, 3}}});
        for (ClassStatistics[] pair : new ClassStatistics[][] {{two, three}, {three, two}}) {
            assertThrows(IllegalArgumentException.class, () -> pair[0].merged(pair[1]));
        }
    }

    @Test
    void missingAndForeignTensorsAreRefusedWithASentence() throws IOException {
        String nothing = refusal(writer -> writer.add("ape.count", Shape.of(1), new int[] {1}));
        assertTrue(nothing.contains("has no tensor zebra.count"), nothing);
        assertEquals("it has no samples", refusal(writer -> writer.add(PREFIX + "count", Shape.of(1), new int[] {1})));
        String half = refusal(writer -> {
            writer.add(PREFIX + "count", Shape.of(1), new int[] {1});
            writer.add(PREFIX + "mean.0", Shape.of(2), new double[] {1, 2});
        });
        assertTrue(half.contains("has no tensor zebra.scatter.0"), half);
        String narrow = refusal(writer -> {
            writer.add(PREFIX + "count", Shape.of(1), new int[] {1});
            writer.add(PREFIX + "mean.0", Shape.of(2), new float[] {1, 2});
        });
        assertTrue(narrow.contains("zebra.mean.0 is F32, asked for as F64"), narrow);
    }

    @Test
    void everyTruncatedFileIsRefused() {
        byte[] whole = file(writer -> ClassStatistics.of(features(1, 4, 0)).write(writer, PREFIX));
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            String message = assertThrows(IOException.class, () -> Safetensors.of("zoo", part))
                    .getMessage();
            assertTrue(message.startsWith("zoo is not a usable safetensors file: it "), message);
        }
    }

    /** One wrong bit anywhere: the file is refused with a sentence, or what it gives is finite. */
    @Test
    void noFlippedBitGivesAnythingButASentenceOrFiniteStatistics() {
        byte[] whole = file(writer -> ClassStatistics.of(features(1, 4, 0)).write(writer, PREFIX));
        int refused = 0;
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            try {
                ClassStatistics read = ClassStatistics.read(Safetensors.of("zoo", damaged), PREFIX);
                assertTrue(read.count() > 0);
                for (int k = 0; k < read.networks(); k++) {
                    assertTrue(Arrays.stream(read.mean(k)).allMatch(Double::isFinite));
                    assertTrue(Arrays.stream(read.scatter(k)).allMatch(Double::isFinite));
                }
            } catch (IOException e) {
                assertFalse(e.getMessage().isBlank());
                refused++;
            }
        }
        assertTrue(refused > whole.length, refused + " of " + 8 * whole.length + " are refused");
    }
}
