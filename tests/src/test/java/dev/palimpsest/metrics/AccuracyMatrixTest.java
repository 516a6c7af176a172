package dev.palimpsest.metrics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class AccuracyMatrixTest {
    /**
     * Worked by hand. Test images 10, 30, 60; right answers 9 5 27 7 12 54 so a = .9 | .5 .9 | .7 .4 .9 and all seen =
     * 9/10, 32/40, 73/100.
     */
    private final AccuracyMatrix matrix =
            AccuracyMatrix.of(10, 30, 60).plus(9).plus(5, 27).plus(7, 12, 54);

    @Test
    void entriesAreSharesOfEachExperiencesImages() {
        double[][] a = matrix.toArray();
        assertArrayEquals(new double[] {0.9}, a[0], 1e-15);
        assertArrayEquals(new double[] {0.5, 0.9}, a[1], 1e-15);
        assertArrayEquals(new double[] {0.7, 0.4, 0.9}, a[2], 1e-15);
    }

    @Test
    void accuracyOnAllSeenWeighsImagesAndNotExperiences() {
        assertEquals(0.8, matrix.allSeen(1), 1e-15);
        assertEquals(0.73, matrix.finalAccuracy(), 1e-15);
    }

    @Test
    void averageIncrementalIsGivenWithAndWithoutTheFirstExperience() {
        assertEquals((0.9 + 0.8 + 0.73) / 3, matrix.averageIncremental(), 1e-15);
        assertEquals((0.8 + 0.73) / 2, matrix.averageIncrementalWithoutFirst(), 1e-15);
    }

    @Test
    void forgettingComparesWithTheBestBeforeTheLastAndTransferWithTheFirst() {
        // experience 0: best .9, first .9, last .7; experience 1: best .9, first .9, last .4
        assertEquals((0.2 + 0.5) / 2, matrix.forgetting(), 1e-15);
        assertEquals((-0.2 - 0.5) / 2, matrix.backwardTransfer(), 1e-15);
        // the best of experience 0 comes in the middle: .2, .8, .5
        AccuracyMatrix risen = AccuracyMatrix.of(10, 10, 10).plus(2).plus(8, 10).plus(5, 10, 10);
        assertEquals((0.3 + 0) / 2, risen.forgetting(), 1e-15);
        assertEquals((0.3 + 0) / 2, risen.backwardTransfer(), 1e-15);
    }

    /** Chaudhry et al. 2018, eq. 3, worked by hand: the maximum leaves the last experience out. */
    @Test
    void anAccuracyThatEndsAboveAllBeforeCountsAsNegativeForgetting() {
        AccuracyMatrix better = AccuracyMatrix.of(10, 10).plus(4).plus(9, 1);
        assertEquals(-0.5, better.forgetting(), 1e-15);
        assertEquals(0.5, better.backwardTransfer(), 1e-15);
        AccuracyMatrix both = AccuracyMatrix.of(10, 10, 10).plus(5).plus(8, 10).plus(9, 9, 10);
        assertEquals((0.8 - 0.9 + 1.0 - 0.9) / 2, both.forgetting(), 1e-15);
        assertEquals(
                0.5 - 21.0 / 32, AccuracyMatrix.of(32, 32).plus(16).plus(21, 5).forgetting(), 1e-15);
        // An experience without new classes is neither in the mean nor in anybody's maximum.
        AccuracyMatrix repeating =
                AccuracyMatrix.of(10, 0, 20).plus(3).plus(6, 0).plus(7, 0, 10);
        assertEquals(0.6 - 0.7, repeating.forgetting(), 1e-15);
    }

    @Test
    void oneExperienceHasNothingToForget() {
        AccuracyMatrix one = AccuracyMatrix.of(4, 4).plus(3);
        assertEquals(0.75, one.averageIncremental());
        assertTrue(Double.isNaN(one.averageIncrementalWithoutFirst()));
        assertTrue(Double.isNaN(one.forgetting()));
        assertTrue(Double.isNaN(one.backwardTransfer()));
    }

    @Test
    void addingARowLeavesTheOldMatrixAlone() {
        AccuracyMatrix empty = AccuracyMatrix.of(4, 4);
        empty.plus(1);
        assertEquals(0, empty.experiences());
    }

    @Test
    void impossibleCountsAreRefusedWithTheValues() {
        AccuracyMatrix first = AccuracyMatrix.of(10, 10).plus(9);
        assertEquals(
                "row 1 needs 2 counts, has 1",
                assertThrows(IllegalArgumentException.class, () -> first.plus(9))
                        .getMessage());
        assertEquals(
                "11 right answers for experience 2: expected 0..10",
                assertThrows(IllegalArgumentException.class, () -> first.plus(9, 11))
                        .getMessage());
        assertThrows(IllegalStateException.class, () -> first.plus(1, 1).plus(1, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> AccuracyMatrix.of(10, -1));
        assertThrows(IllegalArgumentException.class, () -> AccuracyMatrix.of(0, 10));
    }

    @Test
    void meansLeaveOutExperiencesThatBroughtNoClass() {
        AccuracyMatrix with = AccuracyMatrix.of(10, 0, 30).plus(8).plus(6, 0).plus(5, 0, 15);
        assertTrue(Double.isNaN(with.at(1, 1)));
        assertEquals(0.8 - 0.5, with.forgetting(), 1e-12);
        assertEquals(0.5 - 0.8, with.backwardTransfer(), 1e-12);
        assertEquals(20.0 / 40, with.finalAccuracy(), 1e-12);
        assertEquals((0.8 + 0.6 + 0.5) / 3, with.averageIncremental(), 1e-12);
    }
}
