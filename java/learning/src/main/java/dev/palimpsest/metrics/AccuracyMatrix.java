package dev.palimpsest.metrics;

import java.util.Arrays;

/**
 * a[i][j]: share of the test images of experience j's classes that are right after experience i, 0 ≤ j ≤ i. Kept as
 * counts, so that accuracy over several experiences weighs every image alike. An experience that brought no new class
 * has no images: its shares are NaN, and means over experiences leave it out. Shares are of 1. Immutable; rows are
 * added as experiences pass.
 */
public final class AccuracyMatrix {
    private final int[] images;
    private final int[][] correct;

    private AccuracyMatrix(int[] images, int[][] correct) {
        this.images = images;
        this.correct = correct;
    }

    /**
     * No experience has passed yet.
     *
     * @param images test images of each experience's classes, for all experiences of the stream
     */
    public static AccuracyMatrix of(int... images) {
        for (int count : images) {
            if (count < 0) {
                throw new IllegalArgumentException(
                        "test images an experience " + Arrays.toString(images) + ": expected at least 0");
            }
        }
        if (images.length > 0 && images[0] == 0) {
            throw new IllegalArgumentException(
                    "the first experience has no test images: its classes are new, expected at least 1");
        }
        return new AccuracyMatrix(images.clone(), new int[0][]);
    }

    /**
     * With the next experience's row.
     *
     * @param row right answers on the test images of experiences 0..i, [i + 1]
     */
    public AccuracyMatrix plus(int... row) {
        int i = correct.length;
        if (i == images.length) {
            throw new IllegalStateException("all " + images.length + " experiences have their row");
        }
        if (row.length != i + 1) {
            throw new IllegalArgumentException("row " + i + " needs " + (i + 1) + " counts, has " + row.length);
        }
        for (int j = 0; j <= i; j++) {
            if (row[j] < 0 || row[j] > images[j]) {
                throw new IllegalArgumentException(
                        row[j] + " right answers for experience " + j + ": expected 0.." + images[j]);
            }
        }
        int[][] longer = Arrays.copyOf(correct, i + 1);
        longer[i] = row.clone();
        return new AccuracyMatrix(images, longer);
    }

    /** Rows so far. */
    public int experiences() {
        return correct.length;
    }

    /** Right answers after experience i on the classes of experience j. */
    public int right(int i, int j) {
        return correct[i][j];
    }

    /** a[i][j]; NaN where experience j has no images. */
    public double at(int i, int j) {
        return (double) correct[i][j] / images[j];
    }

    /** All rows, [i][0..i]. */
    public double[][] toArray() {
        double[][] shares = new double[correct.length][];
        for (int i = 0; i < correct.length; i++) {
            shares[i] = new double[i + 1];
            for (int j = 0; j <= i; j++) {
                shares[i][j] = at(i, j);
            }
        }
        return shares;
    }

    /** Accuracy after experience i on all classes seen by then. */
    public double allSeen(int i) {
        long right = 0;
        long total = 0;
        for (int j = 0; j <= i; j++) {
            right += correct[i][j];
            total += images[j];
        }
        return (double) right / total;
    }

    /** Mean over i of {@link #allSeen}, experience 0 included; NaN before the first row. */
    public double averageIncremental() {
        return meanAllSeen(0);
    }

    /** Mean over i ≥ 1 of {@link #allSeen}; NaN where there is no second experience. */
    public double averageIncrementalWithoutFirst() {
        return meanAllSeen(1);
    }

    /** {@link #allSeen} after the last experience; NaN before the first row. */
    public double finalAccuracy() {
        return correct.length == 0 ? Double.NaN : allSeen(correct.length - 1);
    }

    /**
     * mean_{j&lt;N} (max_i a[i][j] − a[N][j]), N the last experience (Chaudhry et al. 2018); NaN where nothing came
     * before it.
     */
    public double forgetting() {
        int last = correct.length - 1;
        double sum = 0;
        int counted = 0;
        for (int j = 0; j < last; j++) {
            if (images[j] == 0) {
                continue;
            }
            counted++;
            double best = 0;
            for (int i = j; i <= last; i++) {
                best = Math.max(best, at(i, j));
            }
            sum += best - at(last, j);
        }
        return last < 1 ? Double.NaN : sum / counted;
    }

    /**
     * mean_{j&lt;N} (a[N][j] − a[j][j]), N the last experience (Lopez-Paz and Ranzato 2017); NaN where nothing came
     * before it.
     */
    public double backwardTransfer() {
        int last = correct.length - 1;
        double sum = 0;
        int counted = 0;
        for (int j = 0; j < last; j++) {
            if (images[j] > 0) {
                counted++;
                sum += at(last, j) - at(j, j);
            }
        }
        return last < 1 ? Double.NaN : sum / counted;
    }

    private double meanAllSeen(int first) {
        double sum = 0;
        for (int i = first; i < correct.length; i++) {
            sum += allSeen(i);
        }
        return correct.length <= first ? Double.NaN : sum / (correct.length - first);
    }
}
