package dev.palimpsest.gaussian;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What classes have in common: under each network the sum of their scatters, and of how many samples. Immutable;
 * values to the bit as the classes' order gives them.
 */
public final class SharedScatter {
    private static final String SAMPLES = "samples";
    private static final String SCATTER = "scatter.";

    /** Under each network, the lower half with the diagonal, row by row. */
    private final double[][] scatters;

    private final long[] samples;

    /** Under each network, how many classes; {@link Integer#MAX_VALUE}: all that there are. */
    private final int[] classes;

    private SharedScatter(double[][] scatters, long[] samples, int[] classes) {
        this.scatters = scatters;
        this.samples = samples;
        this.classes = classes;
    }

    private static SharedScatter ofAll(double[][] scatters, long[] samples) {
        int[] all = new int[samples.length];
        Arrays.fill(all, Integer.MAX_VALUE);
        return new SharedScatter(scatters, samples, all);
    }

    /**
     * Of all classes.
     *
     * @param classes in the order in which they came: sums are in this order
     * @return their sum
     * @throws IllegalArgumentException if classes have other dimensions under the same network
     */
    public static SharedScatter of(List<ClassStatistics> classes) {
        return of(classes, Integer.MAX_VALUE, 0);
    }

    /**
     * Of the first classes that each network measured, so that later ones change nothing.
     *
     * @param classes in the order in which they came: sums are in this order
     * @param first how many, at least 1; more while they have too few samples
     * @param perDimension how many samples for each dimension they need at least
     * @return their sum
     * @throws IllegalArgumentException if classes have other dimensions under the same network
     */
    public static SharedScatter of(List<ClassStatistics> classes, int first, int perDimension) {
        int networks =
                classes.stream().mapToInt(ClassStatistics::networks).max().orElse(0);
        double[][] scatters = new double[networks][];
        long[] samples = new long[networks];
        int[] counts = new int[networks];
        for (int k = 0; k < networks; k++) {
            int network = k;
            List<ClassStatistics> known =
                    classes.stream().filter(c -> c.under(network)).toList();
            requireSameDimensions(known, k);
            int dims = known.isEmpty() ? 0 : known.getFirst().mean(k).length;
            scatters[k] = new double[dims * (dims + 1) / 2];
            for (ClassStatistics c : known) {
                if (counts[k] >= first && samples[k] >= (long) perDimension * dims) {
                    break;
                }
                add(c.scatter(k), scatters[k]);
                samples[k] += c.count();
                counts[k]++;
            }
        }
        return new SharedScatter(scatters, samples, counts);
    }

    /**
     * With a class that came, or with what is new of one that came back, measured exactly: its scatter is added,
     * whatever is kept of it afterwards.
     *
     * @param before what is kept of the class; null for a new one
     * @param after the class with its new samples, merged from it
     * @return the sum with it
     */
    public SharedScatter with(@Nullable ClassStatistics before, ClassStatistics after) {
        int networks = Math.max(networks(), after.networks());
        double[][] sums = new double[networks][];
        long[] counts = Arrays.copyOf(samples, networks);
        for (int k = 0; k < networks; k++) {
            sums[k] = k < networks() ? scatters[k] : new double[0];
            if (after.under(k)) {
                sums[k] = Arrays.copyOf(sums[k], after.scatter(k).length);
                add(after.scatter(k), sums[k]);
                counts[k] += after.count();
                if (before != null) {
                    for (int i = 0; i < sums[k].length; i++) {
                        sums[k][i] -= before.scatter(k)[i];
                    }
                    counts[k] -= before.count();
                }
            }
        }
        return ofAll(sums, counts);
    }

    /**
     * What it takes in a file.
     *
     * @return bytes
     */
    public long bytes() {
        return Arrays.stream(scatters).mapToLong(values -> values.length).sum() * Double.BYTES
                + (long) samples.length * Long.BYTES;
    }

    /**
     * Adds it to a file.
     *
     * @param file takes the tensors
     * @param prefix of their names
     */
    public void write(SafetensorsWriter file, String prefix) {
        file.add(prefix + SAMPLES, Shape.of(samples.length), samples);
        for (int k = 0; k < scatters.length; k++) {
            if (scatters[k].length > 0) {
                file.add(prefix + SCATTER + k, Shape.of(scatters[k].length), scatters[k]);
            }
        }
    }

    private static void requireSameDimensions(List<ClassStatistics> known, int network) {
        for (ClassStatistics c : known) {
            int dims = known.getFirst().mean(network).length;
            if (c.mean(network).length != dims) {
                throw new IllegalArgumentException("classes have " + dims + " and " + c.mean(network).length
                        + " dimensions under the same network, expected as many of each");
            }
        }
    }

    /**
     * What {@link #write} added.
     *
     * @param file that has it
     * @param prefix of the names
     * @return the same to the bit
     * @throws IllegalArgumentException if a tensor is missing
     */
    public static SharedScatter read(Safetensors file, String prefix) {
        long[] samples = file.longs(prefix + SAMPLES);
        double[][] scatters = new double[samples.length][];
        for (int k = 0; k < samples.length; k++) {
            scatters[k] = samples[k] == 0 ? new double[0] : file.doubles(prefix + SCATTER + k);
        }
        return ofAll(scatters, samples);
    }

    private static void add(double[] values, double[] sums) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += values[i];
        }
    }

    /** Networks that measured some class. */
    int networks() {
        return scatters.length;
    }

    /** Not to be written to. */
    double[] scatter(int network) {
        return scatters[network];
    }

    long samples(int network) {
        return samples[network];
    }

    /** Of so many known classes, how many shape a network's part. */
    int classes(int network, int known) {
        return Math.min(classes[network], known);
    }

    /** Whether a network's part is the same to the bit. */
    boolean equals(SharedScatter other, int network) {
        return network < networks()
                && network < other.networks()
                && samples[network] == other.samples[network]
                && Arrays.equals(scatters[network], other.scatters[network]);
    }
}
