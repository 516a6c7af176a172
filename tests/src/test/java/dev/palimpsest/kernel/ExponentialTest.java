package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class ExponentialTest {
    @Test
    void isAccurateToAboutOneUnitInTheLastPlace() {
        int n = 100_000;
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = -80f * i / n;
        }
        float[] e = new float[n];
        float[] distance = new float[n];
        for (double temperature : new double[] {1, 2, 20}) {
            Exponential exponential = new Exponential(n);
            exponential.temperature(temperature);
            exponential.apply(MemorySegment.ofArray(x), 0, n, distance, new float[n], e);
            assertEquals(1f, e[0]);
            double mean = 0;
            for (int i = 0; i < n; i++) {
                // The scale log2(e)/T is rounded to float32, which moves the exponent by 3e-8 of itself.
                double allowed = 1e-7 + 4e-8 * Math.abs(x[i]) / temperature;
                double error = e[i] / Math.exp(x[i] / temperature) - 1;
                assertTrue(
                        Math.abs(error) <= allowed,
                        "exp(" + x[i] + " / " + temperature + ") = " + e[i] + " is off by " + error);
                mean += error / n;
            }
            assertTrue(Math.abs(mean) < 2e-6, "mean error " + mean);
        }
    }

    @Test
    void isZeroFarBelowTheMaximum() {
        float[] e = new float[4];
        float[] x = {0, -88.1f, -3e38f, Float.NEGATIVE_INFINITY};
        Exponential exponential = new Exponential(4);
        exponential.temperature(1);
        exponential.apply(MemorySegment.ofArray(x), 0, 4, new float[4], new float[4], e);
        assertEquals(1f, e[0]);
        for (int i = 1; i < 4; i++) {
            assertEquals(0, Float.floatToIntBits(e[i]));
        }
    }

    @Test
    void logarithmIsAccurate() {
        for (double x = 1; x < 1e9; x *= 1.000_37) {
            double expected = Math.log(x);
            assertTrue(Math.abs(Exponential.log(x) - expected) <= 4e-16 * (1 + expected), "log(" + x + ")");
        }
        assertEquals(0.0, Exponential.log(1));
        assertTrue(Double.isNaN(Exponential.log(Double.NaN)));
    }
}
