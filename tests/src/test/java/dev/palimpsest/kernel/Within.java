package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Comparisons whose tolerance scales with the signal and that fail on NaN: every condition is one that NaN makes
 * false.
 */
final class Within {
    private Within() {}

    static void loss(double expected, double actual, double tolerance, String what) {
        double allowed = tolerance * Math.max(1, Math.abs(expected));
        assertTrue(
                Math.abs(actual - expected) <= allowed,
                () -> what + ": loss " + actual + ", expected " + expected + " ± " + allowed);
    }

    /**
     * Each value within the tolerance of the largest expected magnitude. A reference of nothing but its own rounding
     * counts as 0.
     */
    static void gradient(double[] expected, float[] actual, double tolerance, String what) {
        assertEquals(expected.length, actual.length, what);
        double largest = 0;
        for (double value : expected) {
            assertTrue(Math.abs(value) < Double.POSITIVE_INFINITY, what);
            largest = Math.max(largest, Math.abs(value));
        }
        double allowed = Math.max(tolerance * largest, 1e-15);
        for (int i = 0; i < expected.length; i++) {
            int at = i;
            assertTrue(
                    Math.abs(actual[i] - expected[i]) <= allowed,
                    () -> what + ": gradient[" + at + "] " + actual[at] + ", expected " + expected[at] + " ± "
                            + allowed);
        }
    }
}
