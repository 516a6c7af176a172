package dev.palimpsest.classifier;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.internal.Directions;
import org.junit.jupiter.api.Test;

class NearestMeanTest {
    /**
     * Class 0 looks up and right in equal parts once its exemplars have length 1; the mean of the raw ones would look
     * up.
     */
    private final NearestMean.Means nearest =
            NearestMean.Means.of(new float[][][] {{{2, 0}, {0, 40}}, {{-3, 0}}, {{0, 0}}});

    @Test
    void scoresAreMinusTheSquaredDistanceBetweenUnitVectors() {
        double half = Math.sqrt(0.5);
        assertArrayEquals(new double[] {-(2 - 2 * half), -4, -1}, nearest.scores(new float[] {10, 0}), 1e-12);
        assertArrayEquals(new double[] {0, -(2 + 2 * half), -1}, nearest.scores(new float[] {0.01f, 0.01f}), 1e-7);
    }

    @Test
    void theLengthOfAFeatureDoesNotMatter() {
        assertArrayEquals(nearest.scores(new float[] {3, 4}), nearest.scores(new float[] {300, 400}), 1e-12);
    }

    @Test
    void aZeroVectorStaysZero() {
        assertArrayEquals(new double[] {-1, -1, 0}, nearest.scores(new float[2]), 1e-12);
        assertEquals(0, Directions.of(new float[][] {{0, 0}})[0][1]);
    }
}
