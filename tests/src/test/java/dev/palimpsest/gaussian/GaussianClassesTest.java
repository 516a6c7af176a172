package dev.palimpsest.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ForkJoinPool;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GaussianClassesTest {
    private static final int[] DIMS = {12, 7, 9};
    /** Two experiences brought classes before the third network was there; then two came and went on. */
    private static final int[] NETWORKS = {1, 1, 2, 3, 3};

    /** One has a single sample, one fewer samples than dimensions. */
    private static final int[] COUNTS = {40, 5, 1, 25, 300};

    private static final int ASKED = 6;

    /** [classes][networks][samples][dimensions]; the classes' covariances differ, and one dimension never varies. */
    private final float[][][][] classes = new float[NETWORKS.length][][][];

    private final float[][][] asked = new float[DIMS.length][][];

    GaussianClassesTest() {
        for (int c = 0; c < classes.length; c++) {
            classes[c] = new float[NETWORKS[c]][][];
            for (int k = 0; k < NETWORKS[c]; k++) {
                classes[c][k] = samples(COUNTS[c], DIMS[k], c, 100 * c + k);
            }
        }
        for (int k = 0; k < DIMS.length; k++) {
            asked[k] = samples(ASKED, DIMS[k], 1.5, 1000 + k);
        }
    }

    private static float[][] samples(int samples, int dims, double kind, long seed) {
        Random random = new Random(seed);
        float[][] features = new float[samples][dims];
        for (float[] feature : features) {
            double common = random.nextGaussian();
            for (int d = 1; d < dims; d++) {
                double spread = Math.pow(2, d - 3) * (1 + (d * (kind + 1)) % 3);
                feature[d] =
                        (float) (spread * (Math.sin(kind * d) + common * Math.cos(kind + d) + random.nextGaussian()));
            }
            feature[0] = 0.25f;
        }
        return features;
    }

    private List<ClassStatistics> statistics() {
        return Arrays.stream(classes).map(ClassStatistics::of).toList();
    }

    /**
     * The formulas in the order of their text, in units of the deviations, with EJML's inverse; the class's own
     * covariance is shrunk towards the shared one without whitening: with A = Σ_k⁻¹·S the traces are those of A and
     * A², and the identity becomes Σ_k.
     */
    private double[][] plain(double beta, int networks) {
        double[][] sums = new double[ASKED][classes.length];
        double[] weights = new double[classes.length];
        for (int k = 0; k < networks; k++) {
            int d = DIMS[k];
            SimpleMatrix pooled = new SimpleMatrix(d, d);
            int samples = 0;
            int known = 0;
            for (float[][][] own : classes) {
                if (own.length > k) {
                    pooled = pooled.plus(scatter(own[k]));
                    samples += own[k].length;
                    known++;
                }
            }
            SimpleMatrix unit = SimpleMatrix.identity(d);
            for (int i = 0; i < d; i++) {
                double variance = pooled.get(i, i) / samples;
                unit.set(i, i, variance > 0 ? 1 / Math.sqrt(variance) : 1);
            }
            SimpleMatrix shared = ShrinkageTest.oas(unit.mult(pooled).mult(unit).scale(1.0 / samples), samples);
            for (int c = 0; c < classes.length; c++) {
                if (classes[c].length > k) {
                    double n = classes[c][k].length;
                    SimpleMatrix own =
                            unit.mult(scatter(classes[c][k])).mult(unit).scale(1 / n);
                    SimpleMatrix relative = shared.invert().mult(own);
                    double trace = relative.trace();
                    double square = relative.mult(relative).trace();
                    double rho = Math.min(
                            1,
                            ((1 - 2.0 / d) * square + trace * trace)
                                    / ((n + 1 - 2.0 / d) * (square - trace * trace / d)));
                    rho = n == 1 ? 1 : rho;
                    SimpleMatrix shrunk = own.scale(1 - rho).plus(shared.scale(rho * trace / d));
                    double share = 1 - (1 - beta) * n / (n + 10);
                    SimpleMatrix inverse =
                            shared.scale(share).plus(shrunk.scale(1 - share)).invert();
                    weights[c] += known;
                    for (int i = 0; i < ASKED; i++) {
                        SimpleMatrix off = unit.mult(column(asked[k][i]).minus(mean(classes[c][k])));
                        sums[i][c] += known * off.dot(inverse.mult(off)) / (1 + 1 / n);
                    }
                }
            }
        }
        for (double[] row : sums) {
            for (int c = 0; c < row.length; c++) {
                row[c] /= weights[c];
            }
        }
        return sums;
    }

    private static SimpleMatrix column(float[] values) {
        SimpleMatrix column = new SimpleMatrix(values.length, 1);
        for (int d = 0; d < values.length; d++) {
            column.set(d, 0, values[d]);
        }
        return column;
    }

    private static SimpleMatrix mean(float[][] samples) {
        SimpleMatrix sum = column(samples[0]);
        for (int i = 1; i < samples.length; i++) {
            sum = sum.plus(column(samples[i]));
        }
        return sum.scale(1.0 / samples.length);
    }

    private static SimpleMatrix scatter(float[][] samples) {
        SimpleMatrix mean = mean(samples);
        SimpleMatrix sum = new SimpleMatrix(mean.getNumRows(), mean.getNumRows());
        for (float[] sample : samples) {
            SimpleMatrix off = column(sample).minus(mean);
            sum = sum.plus(off.mult(off.transpose()));
        }
        return sum;
    }

    private static void assertNear(double[][] expected, double[][] actual, double tolerance) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i].length, actual[i].length);
            for (int c = 0; c < expected[i].length; c++) {
                assertTrue(expected[i][c] > 0);
                assertEquals(expected[i][c], actual[i][c], tolerance * expected[i][c]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.3, 0.5, 1})
    void distancesAreThoseOfThePlainFormula(double beta) {
        assertNear(plain(beta, 3), new GaussianClasses(statistics(), beta).distances(asked), 1e-9);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void underFewerNetworksOnlyThoseAreCompared(int networks) {
        double[][] distances = new GaussianClasses(statistics(), 0.5).distances(Arrays.copyOf(asked, networks));
        assertNear(plain(0.5, networks), distances, 1e-9);
    }

    /** β_c = 1 − 0.5/11 = 21/22, Σ = I where nothing varies, and the mean of one sample: |x−μ|² / (21/22) / 2. */
    @Test
    void oneSampleIsAClassByHand() {
        ClassStatistics one = ClassStatistics.of(new float[][][] {{{1, 2}}});
        double[][] distances = new GaussianClasses(List.of(one), 0.5).distances(new float[][][] {{{4, 6}, {1, 2}}});
        assertEquals(25 * 22.0 / 21 / 2, distances[0][0], 1e-13);
        assertEquals(0, distances[1][0]);
    }

    /** Values of 1 ± 2 and 7 ± 2, d = 1, β = 1: σ = 2, Σ = 1; n = 2 each: ((x−μ)/2)² / 1.5. */
    @Test
    void twoClassesOfOneDimensionByHand() {
        GaussianClasses gaussians = new GaussianClasses(
                List.of(ClassStatistics.of(new float[][][] {{{-1}, {3}}}), ClassStatistics.of(new float[][][] {
                    {{5}, {9}}
                })),
                1);
        assertEquals(2, gaussians.classes());
        assertArrayEquals(
                new double[] {0.25 / 1.5, 6.25 / 1.5}, gaussians.distances(new float[][][] {{{2}}})[0], 1e-14);
    }

    @Test
    void noClassHasNoDistances() {
        GaussianClasses none = new GaussianClasses(List.of(), 0.5);
        assertEquals(0, none.classes());
    }

    /** Enough samples for several threads; alone, they are measured by one. */
    @Test
    void distancesDoNotDependOnWhoElseIsAsked() {
        int many = 400;
        float[][][] crowd = new float[DIMS.length][][];
        for (int k = 0; k < DIMS.length; k++) {
            crowd[k] = samples(many, DIMS[k], 2.5, 7);
        }
        GaussianClasses gaussians = new GaussianClasses(statistics(), 0.5);
        double[][] together = gaussians.distances(crowd);
        for (int i = 0; i < many; i++) {
            float[][][] alone = new float[DIMS.length][1][];
            for (int k = 0; k < DIMS.length; k++) {
                alone[k][0] = crowd[k][i];
            }
            assertArrayEquals(together[i], gaussians.distances(alone)[0]);
        }
    }

    @Test
    void bitsDoNotDependOnTheNumberOfThreads() throws Exception {
        float[][][] crowd = new float[DIMS.length][][];
        for (int k = 0; k < DIMS.length; k++) {
            crowd[k] = samples(400, DIMS[k], 2.5, 7);
        }
        Callable<double[][]> task = () -> new GaussianClasses(statistics(), 0.5).distances(crowd);
        List<double[][]> results = new ArrayList<>();
        for (int threads : new int[] {1, 2, 5}) {
            try (ForkJoinPool pool = new ForkJoinPool(threads)) {
                results.add(pool.submit(task).get());
            }
        }
        assertArrayEquals(results.get(0), results.get(1));
        assertArrayEquals(results.get(0), results.get(2));
    }

    /** With the first two classes' covariance, classes three to five are the later ones. */
    @Test
    void laterClassesLeaveACovarianceOfTheFirstOnesAsItIs() {
        List<ClassStatistics> all = statistics();
        SharedScatter ofAll = SharedScatter.of(all, 2, 0);
        assertTrue(ofAll.equals(SharedScatter.of(all.subList(0, 2)), 0), "only the first network measured these");
        assertTrue(ofAll.equals(SharedScatter.of(all.subList(0, 4), 2, 0), 1), "the second measured classes 3 and 4");
        assertTrue(!ofAll.equals(SharedScatter.of(all), 0), "others would move it");
        float[][][] first = Arrays.copyOf(asked, 1);
        double[][] few = new GaussianClasses(all.subList(0, 2), 0.5).distances(first);
        double[][] many = new GaussianClasses(all, 0.5, ofAll, null).distances(first);
        for (int i = 0; i < ASKED; i++) {
            for (int c = 0; c < 2; c++) {
                assertEquals(few[i][c], many[i][c], 1e-12 * few[i][c]);
            }
        }
    }

    @Test
    void whatIsFittedAlreadyIsNotFittedAgainAndHasTheSameBits() {
        List<ClassStatistics> all = statistics();
        SharedScatter ofTwo = SharedScatter.of(all, 2, 0);
        GaussianClasses earlier = new GaussianClasses(all.subList(0, 4), 0.5, ofTwo, null);
        double[][] afresh = new GaussianClasses(all, 0.5, ofTwo, null).distances(asked);
        double[][] moved = new GaussianClasses(all, 0.5).distances(asked);
        all.getFirst().scatter(0)[5] *= 1.5; // nobody may do that; here it shows who reads it again
        assertArrayEquals(afresh, new GaussianClasses(all, 0.5, ofTwo, earlier).distances(asked));
        assertTrue(afresh[0][0] != new GaussianClasses(all, 0.5, ofTwo, null).distances(asked)[0][0]);
        assertTrue(
                afresh[0][0] != new GaussianClasses(all, 0.4, ofTwo, earlier).distances(asked)[0][0], "another share");
        all.getFirst().scatter(0)[5] /= 1.5;
        assertNear(moved, new GaussianClasses(all, 0.5, SharedScatter.of(all), earlier).distances(asked), 1e-12);
    }

    @Test
    void moreClassesShapeTheSharedCovarianceWhileTheyHaveFewSamples() {
        List<ClassStatistics> all = statistics();
        int first = all.getFirst().count();
        int perDimension = Math.ceilDiv(first + 1, DIMS[0]);
        assertEquals(first, SharedScatter.of(all, 1, 0).samples(0));
        SharedScatter more = SharedScatter.of(all, 1, perDimension);
        assertTrue(more.samples(0) >= (long) perDimension * DIMS[0] && more.samples(0) > first);
        assertTrue(more.samples(0) < SharedScatter.of(all).samples(0), "not all classes are needed");
        assertTrue(SharedScatter.of(all, 1, 1_000_000).equals(SharedScatter.of(all), 0), "there are no more");
    }

    @Test
    void whatIsAsFarAsItWasIsKnown() {
        List<ClassStatistics> all = statistics();
        List<ClassStatistics> fewer = all.subList(1, 4);
        List<ClassStatistics> moved = new ArrayList<>(all);
        moved.set(3, all.get(3).merged(all.get(3)));
        SharedScatter ofTwo = SharedScatter.of(all, 2, 0);
        GaussianClasses gaussians = new GaussianClasses(all, 0.5, ofTwo, null);
        GaussianClasses none = new GaussianClasses(fewer, 0.5, SharedScatter.of(fewer), gaussians);
        assertArrayEquals(new int[] {-1, -1, -1}, none.unchangedSince(gaussians));
        SharedScatter noMatterHowMany = SharedScatter.of(all.subList(0, 1)).with(null, all.get(1));
        GaussianClasses two = new GaussianClasses(all.subList(0, 2), 0.5, noMatterHowMany, null);
        List<ClassStatistics> three = List.of(all.get(0), all.get(1), ClassStatistics.of(new float[][][] {asked[0]}));
        GaussianClasses heavier = new GaussianClasses(three, 0.5, noMatterHowMany, two);
        assertArrayEquals(new int[] {-1, -1, -1}, heavier.unchangedSince(two), "the network weighs more");
        GaussianClasses later = new GaussianClasses(moved, 0.5, ofTwo, gaussians);
        assertArrayEquals(new int[] {0, 1, 2, -1, 4}, later.unchangedSince(gaussians));
        double[][] before = gaussians.distances(asked);
        double[][] after = later.distances(asked);
        double[][] some = later.distances(asked, new int[] {4, 3, 0});
        for (int i = 0; i < ASKED; i++) {
            assertEquals(before[i][4], after[i][4]);
            assertTrue(before[i][3] != after[i][3]);
            assertArrayEquals(new double[] {after[i][4], after[i][3], after[i][0]}, some[i]);
        }
    }

    @Test
    void unitsOfTheFeaturesDoNotMatter() {
        double[][] expected = new GaussianClasses(statistics(), 0.5).distances(asked);
        for (float[][][] own : classes) {
            rescale(own);
        }
        rescale(asked);
        assertNear(expected, new GaussianClasses(statistics(), 0.5).distances(asked), 1e-9);
    }

    /** By powers of two and a shift, exact in float32; the dimension that never varies has no unit of its own. */
    private static void rescale(float[][][] features) {
        for (float[][] network : features) {
            for (float[] feature : network) {
                for (int d = 1; d < feature.length; d++) {
                    feature[d] *= 1 << 3 * (d % 3);
                }
            }
        }
    }

    @Test
    void theOrderOfClassesChangesNothingButRounding() {
        double[][] forward = new GaussianClasses(statistics(), 0.5).distances(asked);
        double[][] backward = new GaussianClasses(statistics().reversed(), 0.5).distances(asked);
        for (double[] row : backward) {
            for (int c = 0; c < row.length / 2; c++) {
                double swapped = row[c];
                row[c] = row[row.length - 1 - c];
                row[row.length - 1 - c] = swapped;
            }
        }
        assertNear(forward, backward, 1e-10);
    }

    private static byte[] bytes(List<ClassStatistics> statistics) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        for (int c = 0; c < statistics.size(); c++) {
            statistics.get(c).write(writer, c + ".");
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(bytes));
        return bytes.toByteArray();
    }

    /** A class came, was fitted and asked for, came again with the others, and is removed. */
    @Test
    void aRemovedClassLeavesNoBit() throws IOException {
        List<ClassStatistics> before = statistics();
        byte[] kept = bytes(before);
        List<ClassStatistics> with = new ArrayList<>(before);
        ClassStatistics removed = ClassStatistics.of(
                new float[][][] {samples(30, DIMS[0], 9, 1), samples(30, DIMS[1], 9, 2), samples(30, DIMS[2], 9, 3)});
        with.add(2, removed);
        double[][] distances = new GaussianClasses(with, 0.5).distances(asked);
        with.set(2, removed.merged(removed));
        new GaussianClasses(with, 0.5).distances(asked);
        with.remove(2);
        assertArrayEquals(kept, bytes(with));
        double[][] never = new GaussianClasses(statistics(), 0.5).distances(asked);
        assertArrayEquals(never, new GaussianClasses(with, 0.5).distances(asked));
        assertTrue(distances[0][0] != never[0][0], "while it was there it moved the shared covariance");
    }

    @Test
    void statisticsFromAFileGiveTheSameBits() throws IOException {
        Safetensors file = Safetensors.of("classes", bytes(statistics()));
        List<ClassStatistics> read = new ArrayList<>();
        for (int c = 0; c < classes.length; c++) {
            read.add(ClassStatistics.read(file, c + "."));
        }
        assertArrayEquals(
                new GaussianClasses(statistics(), 0.5).distances(asked),
                new GaussianClasses(read, 0.5).distances(asked));
    }

    /** Two classes that differ in nothing but the sign of their dimensions' correlation: no mean tells them apart. */
    @Test
    void classesOfOneMeanAreToldApartByTheirOwnCovariances() {
        Random random = new Random(1);
        float[][][] samples = new float[2][500][2];
        for (int c = 0; c < 2; c++) {
            for (float[] sample : samples[c]) {
                double common = random.nextGaussian();
                sample[0] = (float) common;
                sample[1] = (float) ((c == 0 ? common : -common) + 0.1 * random.nextGaussian());
            }
        }
        List<ClassStatistics> both = Arrays.stream(samples)
                .map(own -> ClassStatistics.of(new float[][][] {own}))
                .toList();
        assertTrue(right(new GaussianClasses(both, 0.5), samples) > 0.85);
        assertTrue(right(new GaussianClasses(both, 1), samples) < 0.65, "one covariance for all cannot");
    }

    private static double right(GaussianClasses gaussians, float[][][] samples) {
        int right = 0;
        int total = 0;
        for (int c = 0; c < samples.length; c++) {
            for (double[] row : gaussians.distances(new float[][][] {samples[c]})) {
                right += row[c] < row[1 - c] ? 1 : 0;
                total++;
            }
        }
        return (double) right / total;
    }
}
