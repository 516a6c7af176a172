package dev.palimpsest.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.Random;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScatterFactorTest {
    private static final int DIMS = 13;
    /** A dimension that never varies. */
    private static final int CONSTANT = 4;

    /** Of samples whose dimensions have three causes in common; scales differ by a thousand. */
    private static double[] scatter(int samples, long seed) {
        Random random = new Random(seed);
        double[][] mixing = new double[DIMS][3];
        for (double[] row : mixing) {
            for (int t = 0; t < 3; t++) {
                row[t] = 2 * random.nextGaussian();
            }
        }
        float[][] features = new float[samples][DIMS];
        for (float[] feature : features) {
            double[] causes = {random.nextGaussian(), random.nextGaussian(), random.nextGaussian()};
            for (int d = 0; d < DIMS; d++) {
                double value = random.nextGaussian();
                for (int t = 0; t < 3; t++) {
                    value += mixing[d][t] * causes[t];
                }
                feature[d] = d == CONSTANT ? 0.5f : (float) (value * Math.pow(10, d % 4 - 2));
            }
        }
        return ClassStatistics.of(new float[][][] {features}).scatter(0).clone();
    }

    private static SimpleMatrix matrix(double[] scatter) {
        SimpleMatrix matrix = new SimpleMatrix(DIMS, DIMS);
        for (int i = 0, at = 0; i < DIMS; i++) {
            for (int j = 0; j <= i; j++, at++) {
                matrix.set(i, j, scatter[at]);
                matrix.set(j, i, scatter[at]);
            }
        }
        return matrix;
    }

    /** In units of the deviations: the largest difference of a correlation. */
    private static double worst(double[] expected, double[] found, int[] rows) {
        SimpleMatrix a = matrix(expected);
        SimpleMatrix b = matrix(found);
        double worst = 0;
        for (int i : rows) {
            for (int j = 0; j < DIMS; j++) {
                double scale = i == CONSTANT || j == CONSTANT ? 1 : Math.sqrt(a.get(i, i) * a.get(j, j));
                double difference = Math.abs(a.get(i, j) - b.get(i, j)) / scale;
                worst = difference <= worst ? worst : difference; // NaN stays
            }
        }
        return worst;
    }

    private static int[] all() {
        return java.util.stream.IntStream.range(0, DIMS).toArray();
    }

    private static void requireCovariance(double[] scatter) {
        SimpleMatrix matrix = matrix(scatter);
        double trace = matrix.trace();
        matrix.eig().getEigenvalues().forEach(value -> assertTrue(value.getReal() >= -1e-12 * trace, value.toString()));
    }

    /** With 5 samples the scatter has rank 4. */
    @ParameterizedTest
    @CsvSource({"200, 64, 1e-6", "200, 8, 0.02", "5, 64, 1e-6", "5, 8, 0.02"})
    void theWholeFactorGivesTheScatterBack(int samples, int bits, double tolerance) {
        double[] scatter = scatter(samples, 1);
        double[] found =
                ScatterFactor.of(scatter, DIMS, new Storage(Storage.FULL, bits)).scatter(new double[0]);
        double worst = worst(scatter, found, all());
        assertTrue(worst <= tolerance, "off by " + worst);
        requireCovariance(found);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 6})
    void ofThePivotsEverythingIsKeptAndOfTheOthersTheDiagonal(int rank) {
        double[] scatter = scatter(60, 2);
        double[] shared = scatter(500, 3);
        ScatterFactor factor = ScatterFactor.of(scatter, DIMS, new Storage(rank, 64));
        assertEquals(rank, factor.pivots().length);
        for (double[] beside : new double[][] {new double[0], shared}) {
            double[] found = factor.scatter(beside);
            double worst = worst(scatter, found, factor.pivots());
            assertTrue(worst < 1e-6, "off by " + worst);
            for (int d = 0; d < DIMS; d++) {
                assertEquals(
                        matrix(scatter).get(d, d),
                        matrix(found).get(d, d),
                        1e-6 * matrix(scatter).get(d, d));
            }
            assertTrue(worst(scatter, found, all()) > 0.05, "a rank of " + rank + " cannot hold it");
            requireCovariance(found);
        }
        double[] eight = ScatterFactor.of(scatter, DIMS, new Storage(rank, 8)).scatter(shared);
        double worst = worst(scatter, eight, factor.pivots());
        assertTrue(worst < 0.02 && worst > 1e-6, "off by " + worst);
        requireCovariance(eight);
    }

    /** Whatever the scale of the shared scatter, and however little is kept of the class's own. */
    @Test
    void aClassLikeAllOthersIsKeptWholeByAnyRank() {
        double[] scatter = scatter(60, 2);
        double[] shared = scatter.clone();
        for (int i = 0; i < shared.length; i++) {
            shared[i] *= 7;
        }
        double worst = worst(
                scatter, ScatterFactor.of(scatter, DIMS, new Storage(2, 64)).scatter(shared), all());
        assertTrue(worst < 1e-6, "off by " + worst);
    }

    @ParameterizedTest
    @CsvSource({"2147483647, 8", "2147483647, 64", "3, 8", "3, 64", "0, 8", "0, 64"})
    void aFileGivesTheSameBitsAndTakesWhatIsCounted(int rank, int bits) throws IOException {
        Storage storage = new Storage(rank, bits == 64 && rank == Storage.FULL ? 8 : bits);
        Random random = new Random(1);
        float[][][] features = new float[2][40][DIMS];
        for (float[][] network : features) {
            for (float[] feature : network) {
                for (int d = 0; d < DIMS; d++) {
                    feature[d] = (float) random.nextGaussian() + (d > 0 ? feature[d - 1] : 0);
                }
            }
        }
        ClassStatistics kept = ClassStatistics.of(1, features).stored(storage);
        SafetensorsWriter writer = new SafetensorsWriter();
        kept.write(writer, "a.");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(bytes));
        Safetensors file = Safetensors.of("file", bytes.toByteArray());
        ClassStatistics read = ClassStatistics.read(file, "a.", storage);
        assertEquals(1, read.first());
        assertEquals(3, read.networks());
        assertEquals(40, read.count());
        SharedScatter shared = SharedScatter.of(java.util.List.of(ClassStatistics.of(1, features)));
        for (int k = 1; k < 3; k++) {
            assertArrayEquals(kept.mean(k), read.mean(k));
            assertArrayEquals(kept.scatter(k), read.scatter(k));
            assertArrayEquals(kept.scatter(k, shared), read.scatter(k, shared));
        }
        long size = file.names().stream()
                .mapToLong(name -> file.tensor(name).data().byteSize())
                .sum();
        assertEquals(size, kept.bytes());
        assertTrue(size < ClassStatistics.of(1, features).bytes());
    }

    @Test
    void aFileOfAnotherRankIsRefusedWithASentence() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        ScatterFactor.of(scatter(60, 2), DIMS, new Storage(3, 8)).write(writer, "", 0);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(bytes));
        Safetensors file = Safetensors.of("file", bytes.toByteArray());
        for (Storage other : new Storage[] {new Storage(4, 8), new Storage(2, 8), new Storage(Storage.FULL, 8)}) {
            String message = assertThrows(
                            IllegalArgumentException.class, () -> ScatterFactor.read(file, "", 0, DIMS, other))
                    .getMessage();
            assertTrue(
                    message.startsWith("it has a scatter of another rank or size: 13 deviations, 39 values"), message);
        }
        assertThrows(IllegalArgumentException.class, () -> ScatterFactor.read(file, "", 0, DIMS, new Storage(3, 64)));
    }
}
