package dev.palimpsest.gaussian;

import java.util.Arrays;
import java.util.List;

/**
 * What classes have in common: under each network the sum of their scatters, and of how many samples. Immutable;
 * values to the bit as the classes' order gives them.
 */
public final class SharedScatter {
    /** Under each network, the lower half with the diagonal, row by row. */
    private final double[][] scatters;

    private final long[] samples;

    private SharedScatter(double[][] scatters, long[] samples) {
        this.scatters = scatters;
        this.samples = samples;
    }

    /**
     * Of all classes.
     *
     * @param classes in the order in which they came: sums are in this order
     * @return their sum
     * @throws IllegalArgumentException if classes have other dimensions under the same network
     */
    public static SharedScatter of(List<ClassStatistics> classes) {
        return of(classes, Integer.MAX_VALUE);
    }

    /**
     * Of the first classes that each network measured, so that later ones change nothing.
     *
     * @param classes in the order in which they came: sums are in this order
     * @param first how many, at least 1
     * @return their sum
     * @throws IllegalArgumentException if classes have other dimensions under the same network
     */
    public static SharedScatter of(List<ClassStatistics> classes, int first) {
        int networks =
                classes.stream().mapToInt(ClassStatistics::networks).max().orElse(0);
        double[][] scatters = new double[networks][];
        long[] samples = new long[networks];
        for (int k = 0; k < networks; k++) {
            int network = k;
            List<ClassStatistics> known =
                    classes.stream().filter(c -> c.networks() > network).toList();
            requireSameDimensions(known, k);
            scatters[k] = new double[known.getFirst().scatter(k).length];
            for (ClassStatistics c : known.subList(0, Math.min(first, known.size()))) {
                add(c.scatter(k), scatters[k]);
                samples[k] += c.count();
            }
        }
        return new SharedScatter(scatters, samples);
    }

    private static void requireSameDimensions(List<ClassStatistics> known, int network) {
        int dims = known.getFirst().mean(network).length;
        for (ClassStatistics c : known) {
            if (c.mean(network).length != dims) {
                throw new IllegalArgumentException("classes have " + dims + " and " + c.mean(network).length
                        + " dimensions under the same network, expected as many of each");
            }
        }
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

    /** Whether a network's part is the same to the bit. */
    boolean equals(SharedScatter other, int network) {
        return network < networks()
                && network < other.networks()
                && samples[network] == other.samples[network]
                && Arrays.equals(scatters[network], other.scatters[network]);
    }
}
