package dev.palimpsest.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Doubles;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CalibrationTest {
    private static final int SAMPLES = 400;
    private static final int CLASSES = 7;

    private final double[][] distances = new double[SAMPLES][CLASSES];
    private final int[] labels = new int[SAMPLES];

    /** Labels are drawn from softmax(−τ·distance), so τ is what there is to be found. */
    private void draw(double temperature) {
        Random random = new Random(1);
        for (int i = 0; i < SAMPLES; i++) {
            for (int c = 0; c < CLASSES; c++) {
                distances[i][c] = (1 + 4 * random.nextDouble()) / temperature;
            }
            double[] p = softmax(distances[i], temperature);
            double at = random.nextDouble();
            while (labels[i] < CLASSES - 1 && at >= p[labels[i]]) {
                at -= p[labels[i]++];
            }
        }
    }

    private static double[] softmax(double[] distances, double temperature) {
        return Doubles.softmax(Arrays.stream(distances).map(d -> -d).toArray(), 1 / temperature);
    }

    private double likelihood(double temperature) {
        double sum = 0;
        for (int i = 0; i < SAMPLES; i++) {
            sum += Math.log(0.99 * softmax(distances[i], temperature)[labels[i]] + 0.01 / CLASSES);
        }
        return sum;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.01, 0.7, 30})
    void temperatureIsTheLikeliestOfAFineGrid(double truth) {
        draw(truth);
        double best = 0;
        for (int i = -4000; i <= 4000; i++) {
            double tried = truth * Math.exp(i / 4000.0);
            best = best == 0 || likelihood(tried) > likelihood(best) ? tried : best;
        }
        double fitted = Calibration.of(distances, labels).temperature();
        assertEquals(best, fitted, best / 4000);
        assertTrue(likelihood(fitted) >= likelihood(best));
        assertEquals(truth, fitted, 0.2 * truth, "labels were drawn with it");
    }

    /** Ten times as far from their own class as any other: they say nothing of how certain the rest is. */
    @Test
    void aFewOutliersDoNotMakeTheRestLessCertain() {
        draw(1);
        double without = Calibration.of(distances, labels).temperature();
        for (int i = 0; i < SAMPLES; i += 50) {
            distances[i][labels[i]] = 50;
        }
        assertEquals(without, Calibration.of(distances, labels).temperature(), 0.1 * without);
    }

    /** There the likelihood has no maximum: it rises until probabilities round to 1, or to those of a guess. */
    @Test
    void whereTheNearestIsAlwaysOrNeverRightProbabilitiesAreCertainOrAGuess() {
        double[] row = {1, 2};
        Calibration always = Calibration.of(new double[][] {row}, new int[] {0});
        assertArrayEquals(new double[] {1, 0}, always.probabilities(row), 1e-15);
        Calibration never = Calibration.of(new double[][] {row}, new int[] {1});
        assertArrayEquals(new double[] {0.5, 0.5}, never.probabilities(row), 1e-4);
    }

    @Test
    void probabilitiesAreTheSoftmaxHoweverFarTheSample() {
        draw(1);
        Calibration calibration = new Calibration(0.7, 9);
        for (double[] row : distances) {
            assertArrayEquals(softmax(row, 0.7), calibration.probabilities(row), 1e-14);
        }
        double[] far = calibration.probabilities(new double[] {1e9 + 1, 1e9, Double.POSITIVE_INFINITY});
        assertArrayEquals(softmax(new double[] {1, 0}, 0.7), Arrays.copyOf(far, 2), 1e-14);
        assertEquals(0, far[2]);
        assertArrayEquals(new double[] {1}, calibration.probabilities(new double[] {5}));
    }

    @Test
    void aClassThatSamplesAreNotComparedWithChangesNothing() {
        draw(1);
        double[][] wider = Arrays.stream(distances)
                .map(row -> {
                    double[] wide = Arrays.copyOf(row, CLASSES + 1);
                    wide[CLASSES] = Double.POSITIVE_INFINITY;
                    return wide;
                })
                .toArray(double[][]::new);
        assertEquals(Calibration.of(distances, labels), Calibration.of(wider, labels));
    }

    /** The smallest of the held-out distances within which 95 of 100 samples lie. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 19, 20, 21, 100, 399})
    void nineteenOfTwentyHeldOutSamplesAreKnown(int samples) {
        draw(1);
        double[] nearest = Arrays.stream(distances)
                .limit(samples)
                .mapToDouble(row -> Arrays.stream(row).min().orElseThrow())
                .toArray();
        double expected = Arrays.stream(nearest)
                .filter(candidate -> 100
                                * Arrays.stream(nearest)
                                        .filter(other -> other <= candidate)
                                        .count()
                        >= 95 * samples)
                .min()
                .orElseThrow();
        Calibration fit = Calibration.of(Arrays.copyOf(distances, samples), Arrays.copyOf(labels, samples));
        assertEquals(expected, fit.farthest());
    }

    @Test
    void withoutHeldOutSamplesNothingIsUnknown() {
        assertEquals(new Calibration(0.5, Double.POSITIVE_INFINITY), Calibration.NONE);
    }

    /** Sorted into bins one by one; per bin the share that is right against the mean probability. */
    @ParameterizedTest
    @ValueSource(doubles = {0.1, 1, 10})
    void expectedErrorIsThatOfFifteenBins(double temperature) {
        draw(1);
        double expected = 0;
        for (int bin = 0; bin < 15; bin++) {
            int count = 0;
            int right = 0;
            double confidence = 0;
            for (int i = 0; i < SAMPLES; i++) {
                double[] p = softmax(distances[i], temperature);
                double highest = Arrays.stream(p).max().orElseThrow();
                if (highest >= bin / 15.0 && (highest < (bin + 1) / 15.0 || bin == 14)) {
                    count++;
                    confidence += highest;
                    right += p[labels[i]] == highest ? 1 : 0;
                }
            }
            if (count > 0) {
                expected += (double) count / SAMPLES * Math.abs((double) right / count - confidence / count);
            }
        }
        Calibration calibration = new Calibration(temperature, 9);
        assertTrue(expected > 0.01, "there is an error to measure");
        assertEquals(expected, calibration.expectedError(distances, labels), 1e-12);
    }

    /** Four samples of probability 0.8 (bin 12), three of them right; one of 0.5 (bin 7), wrong. */
    @Test
    void expectedErrorIsThatOfTheHand() {
        double[] sure = {0, Math.log(4)};
        double[][] rows = {sure, sure, sure, sure, {3, 3}};
        double error = new Calibration(1, 9).expectedError(rows, new int[] {0, 0, 1, 0, 1});
        assertEquals((4 * 0.05 + 0.5) / 5, error, 1e-14);
    }

    @Test
    void theFittedTemperatureHasASmallerErrorThanOthers() {
        draw(1);
        Calibration fit = Calibration.of(distances, labels);
        double error = fit.expectedError(distances, labels);
        assertTrue(error < 0.06, "error " + error);
        for (double factor : new double[] {0.2, 5}) {
            Calibration other = new Calibration(fit.temperature() * factor, 9);
            assertTrue(other.expectedError(distances, labels) > 2 * error);
        }
    }
}
