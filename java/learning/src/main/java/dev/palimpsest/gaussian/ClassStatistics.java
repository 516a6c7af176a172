package dev.palimpsest.gaussian;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

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
    private final int first;
    private final double[][] means;
    /** For each network the lower half with the diagonal, row by row; zeros where nothing is kept of it. */
    private final double[][] scatters;
    /** What the scatters were made of, for each network; null where they are kept as they are, or not at all. */
    private final ScatterFactor @Nullable [] factors;

    private final Storage storage;

    private ClassStatistics(
            int count,
            int first,
            double[][] means,
            double[][] scatters,
            ScatterFactor @Nullable [] factors,
            Storage storage) {
        this.count = count;
        this.first = first;
        this.means = means;
        this.scatters = scatters;
        this.factors = factors;
        this.storage = storage;
    }

    /**
     * Of a class's samples, under the first networks.
     *
     * @param features [networks][samples][dimensions], at least one of each; finite
     * @return their statistics
     */
    public static ClassStatistics of(float[][][] features) {
        return of(0, features);
    }

    /**
     * Of a class's samples, under networks that follow one another.
     *
     * @param first of these networks, from 0
     * @param features [networks][samples][dimensions], at least one of each; finite
     * @return their statistics
     */
    public static ClassStatistics of(int first, float[][][] features) {
        double[][] means = new double[features.length][];
        double[][] scatters = new double[features.length][];
        for (int k = 0; k < features.length; k++) {
            means[k] = mean(features[k]);
            scatters[k] = scatter(features[k], means[k]);
        }
        return new ClassStatistics(features[0].length, first, means, scatters, null, Storage.EXACT);
    }

    /**
     * These statistics as they are kept in less memory: from a file they come back with the same bits.
     *
     * @param as how much is kept
     * @return the same, or an approximation
     */
    public ClassStatistics stored(Storage as) {
        if (as.equals(Storage.EXACT)) {
            return this;
        }
        double[][] rounded = means;
        if (as.bits() == Byte.SIZE) {
            rounded = new double[means.length][];
            for (int k = 0; k < means.length; k++) {
                rounded[k] = widened(narrowed(means[k]));
            }
        }
        if (as.rank() == 0) {
            double[][] nothing = new double[means.length][];
            for (int k = 0; k < means.length; k++) {
                nothing[k] = new double[scatters[k].length];
            }
            return new ClassStatistics(count, first, rounded, nothing, null, as);
        }
        ScatterFactor[] made = new ScatterFactor[means.length];
        for (int k = 0; k < means.length; k++) {
            made[k] = ScatterFactor.of(scatters[k], means[k].length, as);
        }
        return new ClassStatistics(count, first, rounded, scatters(made), made, as);
    }

    private static double[][] scatters(ScatterFactor[] factors) {
        return Arrays.stream(factors)
                .map(factor -> factor.scatter(new double[0]))
                .toArray(double[][]::new);
    }

    private static float[] narrowed(double[] values) {
        float[] narrow = new float[values.length];
        for (int d = 0; d < narrow.length; d++) {
            narrow[d] = (float) values[d];
        }
        return narrow;
    }

    static double[] widened(float[] values) {
        double[] wide = new double[values.length];
        for (int d = 0; d < wide.length; d++) {
            wide[d] = values[d];
        }
        return wide;
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
     * @return statistics of both together, kept as they come out
     */
    public ClassStatistics merged(ClassStatistics further) {
        if (first != further.first || !Arrays.equals(dimensions(), further.dimensions())) {
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
        return new ClassStatistics(total, first, merged, sums, null, Storage.EXACT);
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
     * Networks up to the last that measured the class.
     *
     * @return how many; all of them did, unless {@link #first} says otherwise
     */
    public int networks() {
        return first + means.length;
    }

    /**
     * The first network that measured the class.
     *
     * @return from 0
     */
    public int first() {
        return first;
    }

    /**
     * Whether a network measured the class.
     *
     * @param network from 0
     * @return whether it has a mean under it
     */
    public boolean under(int network) {
        return network >= first && network < networks();
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
        return means[network - first];
    }

    /** Under a network, from 0: the lower half with the diagonal, row by row; not to be written to. */
    double[] scatter(int network) {
        return scatters[network - first];
    }

    /** The same, with the shared scatter's correlations where nothing is kept of the class's own. */
    double[] scatter(int network, SharedScatter shared) {
        return factors == null ? scatter(network) : factors[network - first].scatter(shared.scatter(network));
    }

    /**
     * What it takes in a file.
     *
     * @return bytes
     */
    public long bytes() {
        long bytes = first == 0 ? Integer.BYTES : 2L * Integer.BYTES;
        for (int k = 0; k < means.length; k++) {
            bytes += (long) means[k].length * (storage.bits() == Byte.SIZE ? Float.BYTES : Double.BYTES);
            if (factors != null) {
                bytes += factors[k].bytes();
            } else if (storage.rank() > 0) {
                bytes += (long) scatters[k].length * Double.BYTES;
            }
        }
        return bytes;
    }

    /**
     * Adds it to a file.
     *
     * @param file takes the tensors
     * @param prefix of their names
     */
    public void write(SafetensorsWriter file, String prefix) {
        int[] counts = first == 0 ? new int[] {count} : new int[] {count, first};
        file.add(prefix + COUNT, Shape.of(counts.length), counts);
        for (int k = 0; k < means.length; k++) {
            Shape dims = Shape.of(means[k].length);
            if (storage.bits() == Byte.SIZE) {
                file.add(prefix + MEAN + k, dims, narrowed(means[k]));
            } else {
                file.add(prefix + MEAN + k, dims, means[k]);
            }
            if (factors != null) {
                factors[k].write(file, prefix, k);
            } else if (storage.rank() > 0) {
                file.add(prefix + SCATTER + k, Shape.of(scatters[k].length), scatters[k]);
            }
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
        return read(file, prefix, Storage.EXACT);
    }

    /**
     * What {@link #write} added.
     *
     * @param file that has it
     * @param prefix of the names
     * @param storage as it was kept
     * @return the same to the bit
     * @throws IOException with a sentence, if tensors are missing, do not fit one another, or hold what no statistics
     *     can
     */
    public static ClassStatistics read(Safetensors file, String prefix, Storage storage) throws IOException {
        try {
            int[] counts = file.ints(prefix + COUNT);
            require(counts.length >= 1 && counts.length <= 2 && counts[0] > 0, "no samples");
            int first = counts.length == 1 ? 0 : counts[1];
            require(first >= 0, "a first network before the first");
            int networks = (int) file.names().stream()
                    .filter(name -> name.startsWith(prefix + MEAN))
                    .count();
            require(networks > 0, "no samples");
            double[][] means = new double[networks][];
            double[][] scatters = new double[networks][];
            ScatterFactor[] factors = new ScatterFactor[networks];
            for (int k = 0; k < networks; k++) {
                String mean = prefix + MEAN + k;
                means[k] = storage.bits() == Byte.SIZE ? widened(file.floats(mean)) : file.doubles(mean);
                int dims = means[k].length;
                require(dims > 0, "a mean without values");
                requireFinite(means[k]);
                if (storage.equals(Storage.EXACT)) {
                    scatters[k] = file.doubles(prefix + SCATTER + k);
                    require(scatters[k].length == (long) dims * (dims + 1) / 2, "sizes that differ");
                    requireFinite(scatters[k]);
                    requireCovariance(scatters[k], dims);
                } else if (storage.rank() == 0) {
                    scatters[k] = new double[dims * (dims + 1) / 2];
                } else {
                    factors[k] = ScatterFactor.read(file, prefix, k, dims, storage);
                    scatters[k] = factors[k].scatter(new double[0]);
                }
            }
            boolean factored = !storage.equals(Storage.EXACT) && storage.rank() > 0;
            return new ClassStatistics(counts[0], first, means, scatters, factored ? factors : null, storage);
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
            if (!Double.isFinite(value)) {
                throw new IllegalArgumentException("it has a value that is " + value);
            }
        }
    }

    private static void require(boolean condition, String found) {
        if (!condition) {
            throw new IllegalArgumentException("it has " + found);
        }
    }
}
