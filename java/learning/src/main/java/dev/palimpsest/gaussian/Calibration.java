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
    private static final int MOST_STEPS = 100;
    /** Of log τ. */
    private static final double PRECISION = 1e-13;
    /** e to the power of minus this does not change a sum of 1. */
    private static final double VANISHES = 40;

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
        double[] best = Arrays.stream(distances).mapToDouble(Calibration::least).toArray();
        double temperature = likeliest(distances, best, labels);
        Arrays.sort(best);
        int last = Math.min(best.length - 1, (int) Math.ceil(KNOWN * best.length) - 1);
        return new Calibration(temperature, best[Math.max(0, last)]);
    }

    /**
     * A root of the derivative, of which there is one but for the outliers, as ln softmax is concave in τ: Newton's
     * method in log τ, and halving where it would leave the bracket. It starts in the middle whatever came before: the
     * result is the data's alone.
     */
    private static double likeliest(double[][] distances, double[] best, int[] labels) {
        double low = Math.log(LOWEST);
        double high = Math.log(HIGHEST);
        double at = (low + high) / 2;
        for (int i = 0; i < MOST_STEPS && high - low > PRECISION; i++) {
            Slope slope = Slope.of(distances, best, labels, Math.exp(at));
            if (slope.value < 0) {
                low = at;
            } else {
                high = at;
            }
            double next = at - slope.value / (slope.change * Math.exp(at));
            if (!(next > low && next < high)) {
                next = (low + high) / 2;
            }
            if (Math.abs(next - at) <= PRECISION) {
                return Math.exp(next);
            }
            at = next;
        }
        return Math.exp((low + high) / 2);
    }

    /**
     * Derivatives of the negative log-likelihood by τ.
     *
     * @param value Σ r·g with g the distance to the own class − its mean under the softmax, and r the probability that
     *     the sample is no outlier
     * @param change the second: Σ r·variance − r·(1 − r)·g²
     */
    private record Slope(double value, double change) {
        private static Slope of(double[][] distances, double[] best, int[] labels, double temperature) {
            double value = 0;
            double change = 0;
            for (int i = 0; i < labels.length; i++) {
                double[] row = distances[i];
                double least = best[i];
                double sum = 0;
                double first = 0;
                double second = 0;
                int compared = 0;
                for (double distance : row) {
                    compared += Double.isFinite(distance) ? 1 : 0;
                    double off = distance - least;
                    if (temperature * off < VANISHES) {
                        double weight = Math.exp(-temperature * off);
                        sum += weight;
                        first += weight * off;
                        second += weight * off * off;
                    }
                }
                double mean = first / sum;
                double own = row[labels[i]] - least;
                double likely = (1 - OUTLIERS) * Math.exp(-temperature * own) / sum;
                double known = likely / (likely + OUTLIERS / compared);
                value += known * (own - mean);
                change += known * (second / sum - mean * mean) - known * (1 - known) * (own - mean) * (own - mean);
            }
            return new Slope(value, change);
        }
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

    private static double least(double[] distances) {
        double least = distances[0];
        for (double distance : distances) {
            least = Math.min(least, distance);
        }
        return least;
    }

    private static double[] probabilities(double[] distances, double temperature) {
        double least = least(distances);
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
