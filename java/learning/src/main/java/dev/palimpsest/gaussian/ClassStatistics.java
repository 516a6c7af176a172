package dev.palimpsest.gaussian;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.util.Arrays;

/**
 * What is kept of a class: for each network that measured it the mean of its samples' features and their scatter
 * Σ(φ−μ)(φ−μ)ᵀ. Computed in float64 over the samples in their order, so it does not depend on batches or threads, and
 * a further lesson leaves it as it is. Immutable.
 */
public final class ClassStatistics {
    private static final String COUNT = "count";
    private static final String MEAN = "mean.";
    private static final String SCATTER = "scatter.";

    private final int count;
    private final double[][] means;
    /** For each network the lower half with the diagonal, row by row. */
    private final double[][] scatters;

    private ClassStatistics(int count, double[][] means, double[][] scatters) {
        this.count = count;
        this.means = means;
        this.scatters = scatters;
    }

    /**
     * Of a class's samples.
     *
     * @param features [networks][samples][dimensions], at least one of each; finite
     * @return their statistics
     */
    public static ClassStatistics of(float[][][] features) {
        double[][] means = new double[features.length][];
        double[][] scatters = new double[features.length][];
        for (int k = 0; k < features.length; k++) {
            means[k] = mean(features[k]);
            scatters[k] = scatter(features[k], means[k]);
        }
        return new ClassStatistics(features[0].length, means, scatters);
    }

    private static double[] mean(float[][] samples) {
        double[] mean = new double[samples[0].length];
        for (float[] sample : samples) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += sample[d];
            }
        }
        for (int d = 0; d < mean.length; d++) {
            mean[d] /= samples.length;
        }
        return mean;
    }

    private static double[] scatter(float[][] samples, double[] mean) {
        int dims = mean.length;
        double[] scatter = new double[dims * (dims + 1) / 2];
        double[] off = new double[dims];
        for (float[] sample : samples) {
            for (int d = 0; d < dims; d++) {
                off[d] = sample[d] - mean[d];
            }
            for (int i = 0, row = 0; i < dims; row += ++i) {
                double factor = off[i];
                for (int j = 0; j <= i; j++) {
                    scatter[row + j] += factor * off[j];
                }
            }
        }
        return scatter;
    }

    /**
     * These samples and further ones of the same class, by Chan's pairwise formula (Chan, Golub, LeVeque 1979).
     *
     * @param further under the same networks
     * @return statistics of both together
     */
    public ClassStatistics merged(ClassStatistics further) {
        if (!Arrays.equals(dimensions(), further.dimensions())) {
            throw new IllegalArgumentException("statistics of " + Arrays.toString(dimensions())
                    + " dimensions under each network cannot take those of "
                    + Arrays.toString(further.dimensions()));
        }
        int total = Math.addExact(count, further.count);
        double[][] merged = new double[means.length][];
        double[][] sums = new double[means.length][];
        for (int k = 0; k < means.length; k++) {
            int dims = means[k].length;
            double[] between = new double[dims];
            merged[k] = new double[dims];
            for (int d = 0; d < dims; d++) {
                between[d] = further.means[k][d] - means[k][d];
                merged[k][d] = means[k][d] + between[d] * further.count / total;
            }
            double weight = (double) count * further.count / total;
            sums[k] = new double[scatters[k].length];
            for (int i = 0, row = 0; i < dims; row += ++i) {
                for (int j = 0; j <= i; j++) {
                    sums[k][row + j] =
                            scatters[k][row + j] + further.scatters[k][row + j] + weight * between[i] * between[j];
                }
            }
        }
        return new ClassStatistics(total, merged, sums);
    }

    /**
     * Samples that were measured.
     *
     * @return at least 1
     */
    public int count() {
        return count;
    }

    /**
     * Networks that measured the class.
     *
     * @return the first so many
     */
    public int networks() {
        return means.length;
    }

    /**
     * Values of a feature.
     *
     * @param network from 0
     * @return how many
     */
    public int dimensions(int network) {
        return means[network].length;
    }

    private int[] dimensions() {
        return Arrays.stream(means).mapToInt(mean -> mean.length).toArray();
    }

    /** Under a network, from 0; not to be written to. */
    double[] mean(int network) {
        return means[network];
    }

    /** Under a network, from 0: the lower half with the diagonal, row by row; not to be written to. */
    double[] scatter(int network) {
        return scatters[network];
    }

    /**
     * What it takes in a file.
     *
     * @return bytes
     */
    public long bytes() {
        long values = 0;
        for (int k = 0; k < means.length; k++) {
            values += means[k].length + scatters[k].length;
        }
        return values * Double.BYTES + Integer.BYTES;
    }

    /**
     * Adds it to a file.
     *
     * @param file takes the tensors
     * @param prefix of their names
     */
    public void write(SafetensorsWriter file, String prefix) {
        file.add(prefix + COUNT, Shape.of(1), new int[] {count});
        for (int k = 0; k < means.length; k++) {
            file.add(prefix + MEAN + k, Shape.of(means[k].length), means[k]);
            file.add(prefix + SCATTER + k, Shape.of(scatters[k].length), scatters[k]);
        }
    }

    /**
     * What {@link #write} added.
     *
     * @param file that has it
     * @param prefix of the names
     * @return the same to the bit
     * @throws IOException with a sentence, if tensors are missing, do not fit one another, or hold what no statistics
     *     can
     */
    public static ClassStatistics read(Safetensors file, String prefix) throws IOException {
        try {
            int[] counts = file.ints(prefix + COUNT);
            require(counts.length == 1 && counts[0] > 0, "no samples");
            int networks = (int) file.names().stream()
                    .filter(name -> name.startsWith(prefix + MEAN))
                    .count();
            require(networks > 0, "no samples");
            double[][] means = new double[networks][];
            double[][] scatters = new double[networks][];
            for (int k = 0; k < networks; k++) {
                means[k] = file.doubles(prefix + MEAN + k);
                scatters[k] = file.doubles(prefix + SCATTER + k);
                require(means[k].length > 0, "a mean without values");
                require(scatters[k].length == (long) means[k].length * (means[k].length + 1) / 2, "sizes that differ");
                requireFinite(means[k]);
                requireFinite(scatters[k]);
                requireCovariance(scatters[k], means[k].length);
            }
            return new ClassStatistics(counts[0], means, scatters);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    file.source() + " does not hold the statistics of a class: " + e.getMessage()
                            + "; restore the file from a copy, or teach the class again",
                    e);
        }
    }

    /** What no samples have: negative variances, and more in common than each has. */
    private static void requireCovariance(double[] scatter, int dims) {
        for (int i = 0, row = 0; i < dims; row += ++i) {
            double own = scatter[row + i];
            require(own >= 0, "a negative variance");
            for (int j = 0, other = 0; j < i; other += ++j + 1) {
                double bound = own * scatter[other];
                require(scatter[row + j] * scatter[row + j] <= bound * (1 + 1e-9), "a correlation above 1");
            }
        }
    }

    private static void requireFinite(double[] values) {
        for (double value : values) {
            require(Double.isFinite(value), "a value that is " + value);
        }
    }

    private static void require(boolean condition, String found) {
        if (!condition) {
            throw new IllegalArgumentException("it has " + found);
        }
    }
}
