package dev.palimpsest.gaussian;

import java.util.Arrays;

/**
 * How distances become probabilities: softmax(−τ·distance), with τ fitted on held-out samples (temperature scaling, Guo
 * et al. 2017); and from which distance on a sample is unknown (Lee et al. 2018). Immutable.
 *
 * @param temperature τ, above 0
 * @param farthest distance of a sample to its best class that is not unknown; infinite where nothing was held out
 */
public record Calibration(double temperature, double farthest) {
    /** Without held-out samples: half the squared distance, as in a Gaussian's logarithm, and nothing is unknown. */
    public static final Calibration NONE = new Calibration(0.5, Double.POSITIVE_INFINITY);

    /** Of the held-out samples this share is as near as a known sample should be. */
    private static final double KNOWN = 0.95;

    /**
     * Share of the held-out samples that may be outliers of any class. Without it the few that lie far from their own
     * class (3 of 100 glyphs) make the rest look less certain than they are.
     */
    private static final double OUTLIERS = 0.01;

    private static final int BINS = 15;
    private static final double LOWEST = 1e-4;
    private static final double HIGHEST = 1e3;
    private static final int HALVINGS = 60;

    /**
     * The temperature of the greatest likelihood, where a sample is an outlier of any of K classes with a probability
     * of 1 %: the third part of ensemble temperature scaling (Zhang, Kailkhura and Han 2020), which makes the fit
     * robust; Σ ln(0.99·softmax(−τ·distance) + 0.01/K).
     *
     * @param distances [samples][classes], at least one sample; infinite for a class that a sample is not compared with
     * @param labels [samples]
     * @return the fit
     */
    public static Calibration of(double[][] distances, int[] labels) {
        // Halving finds a root of the derivative; without outliers there is one, for ln softmax is concave in τ.
        double low = Math.log(LOWEST);
        double high = Math.log(HIGHEST);
        for (int i = 0; i < HALVINGS; i++) {
            double middle = (low + high) / 2;
            if (slope(distances, labels, Math.exp(middle)) < 0) {
                low = middle;
            } else {
                high = middle;
            }
        }
        double[] best = Arrays.stream(distances)
                .mapToDouble(row -> Arrays.stream(row).min().orElseThrow())
                .sorted()
                .toArray();
        int last = Math.min(best.length - 1, (int) Math.ceil(KNOWN * best.length) - 1);
        return new Calibration(Math.exp((low + high) / 2), best[Math.max(0, last)]);
    }

    /**
     * Derivative of the negative log-likelihood by τ: Σ (distance to the own class − its mean under the softmax), each
     * sample weighted by the probability that it is no outlier.
     */
    private static double slope(double[][] distances, int[] labels, double temperature) {
        double slope = 0;
        for (int i = 0; i < labels.length; i++) {
            double[] probabilities = probabilities(distances[i], temperature);
            double mean = 0;
            int compared = 0;
            for (int c = 0; c < probabilities.length; c++) {
                mean += probabilities[c] == 0 ? 0 : probabilities[c] * distances[i][c];
                compared += Double.isFinite(distances[i][c]) ? 1 : 0;
            }
            double known = (1 - OUTLIERS) * probabilities[labels[i]];
            slope += known / (known + OUTLIERS / compared) * (distances[i][labels[i]] - mean);
        }
        return slope;
    }

    /**
     * Probabilities of the classes.
     *
     * @param distances of one sample
     * @return of the same length, with a sum of 1
     */
    public double[] probabilities(double[] distances) {
        return probabilities(distances, temperature);
    }

    private static double[] probabilities(double[] distances, double temperature) {
        double least = Arrays.stream(distances).min().orElseThrow();
        double[] probabilities = new double[distances.length];
        double sum = 0;
        for (int c = 0; c < distances.length; c++) {
            probabilities[c] = Math.exp(temperature * (least - distances[c]));
            sum += probabilities[c];
        }
        for (int c = 0; c < distances.length; c++) {
            probabilities[c] /= sum;
        }
        return probabilities;
    }

    /**
     * The expected calibration error over 15 bins of equal width: mean |share right − mean probability|, weighted by
     * samples (Naeini et al. 2015).
     *
     * @param distances [samples][classes], at least one sample
     * @param labels [samples]
     * @return share of 1
     */
    public double expectedError(double[][] distances, int[] labels) {
        double[] difference = new double[BINS];
        for (int i = 0; i < labels.length; i++) {
            double[] probabilities = probabilities(distances[i]);
            int best = 0;
            for (int c = 1; c < probabilities.length; c++) {
                best = probabilities[c] > probabilities[best] ? c : best;
            }
            int bin = Math.min(BINS - 1, (int) (BINS * probabilities[best]));
            difference[bin] += (best == labels[i] ? 1 : 0) - probabilities[best];
        }
        return Arrays.stream(difference).map(Math::abs).sum() / labels.length;
    }
}
