package dev.palimpsest.metrics;

import java.util.Arrays;

/**
 * Accuracy over the course of a stream: a[i][j] is the share of the test images of experience j's classes that are
 * classified correctly after experience i, 0 ≤ j ≤ i. Kept as counts, so that accuracy over several experiences weighs
 * every image alike. An experience that brought no new class has no images: its shares are NaN, and means over
 * experiences leave it out. Shares lie in [0, 1]; indices of experiences count from 0. Immutable: a further experience
 * makes a new matrix.
 */
public final class AccuracyMatrix {
    private final int[] images;
    private final int[][] correct;

    private AccuracyMatrix(int[] images, int[][] correct) {
        this.images = images;
        this.correct = correct;
    }

    /**
     * A matrix without rows: no experience has passed yet.
     *
     * @param images how many test images the new classes of each experience have, for all experiences of the stream
     * @return a matrix that takes as many rows as there are experiences
     * @throws IllegalArgumentException if a number is negative, or the first one is 0
     */
    public static AccuracyMatrix of(int... images) {
        for (int count : images) {
            if (count < 0) {
                throw new IllegalArgumentException(
                        "test images per experience " + Arrays.toString(images) + ": expected at least 0");
            }
        }
        if (images.length > 0 && images[0] == 0) {
            throw new IllegalArgumentException(
                    "the first experience has no test images: its classes are new, expected at least 1");
        }
        return new AccuracyMatrix(images.clone(), new int[0][]);
    }

    /**
     * This matrix and the next experience's row.
     *
     * @param row [i + 1], right answers after experience i on the test images of experiences 0 to i
     * @return a matrix of one row more
     * @throws IllegalStateException if every experience has its row already
     * @throws IllegalArgumentException if the row has another length, or a number that the images do not allow
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
                        row[j] + " right answers for experience " + (j + 1) + ": expected 0.." + images[j]);
            }
        }
        int[][] longer = Arrays.copyOf(correct, i + 1);
        longer[i] = row.clone();
        return new AccuracyMatrix(images, longer);
    }

    /**
     * The number of rows.
     *
     * @return how many experiences have passed
     */
    public int experiences() {
        return correct.length;
    }

    /**
     * Right answers after one experience on the classes of another.
     *
     * @param i experience after which the model was evaluated
     * @param j experience that brought the classes, 0 to i
     * @return how many test images were classified correctly
     * @throws IndexOutOfBoundsException if there is no such row or column
     */
    public int right(int i, int j) {
        return correct[i][j];
    }

    /**
     * The entry a[i][j].
     *
     * @param i experience after which the model was evaluated
     * @param j experience that brought the classes, 0 to i
     * @return share of the test images that were classified correctly; NaN where experience j has none
     * @throws IndexOutOfBoundsException if there is no such row or column
     */
    public double at(int i, int j) {
        return (double) correct[i][j] / images[j];
    }

    /**
     * All entries.
     *
     * @return a[i][j] for 0 ≤ j ≤ i, rows of growing length; a copy
     */
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

    /**
     * Accuracy after experience i on all classes seen by then.
     *
     * @param i experience after which the model was evaluated
     * @return share of all test images of experiences 0 to i that were classified correctly
     * @throws IndexOutOfBoundsException if there is no such row
     */
    public double allSeen(int i) {
        long right = 0;
        long total = 0;
        for (int j = 0; j <= i; j++) {
            right += correct[i][j];
            total += images[j];
        }
        return (double) right / total;
    }

    /**
     * Average incremental accuracy: the mean over i of {@link #allSeen}, experience 0 included.
     *
     * @return a share; NaN before the first row
     */
    public double averageIncremental() {
        return meanAllSeen(0);
    }

    /**
     * Average incremental accuracy without the first experience: the mean over i ≥ 1 of {@link #allSeen}.
     *
     * @return a share; NaN before the second row
     */
    public double averageIncrementalWithoutFirst() {
        return meanAllSeen(1);
    }

    /**
     * Final accuracy: {@link #allSeen} after the last experience that has a row.
     *
     * @return a share; NaN before the first row
     */
    public double finalAccuracy() {
        return correct.length == 0 ? Double.NaN : allSeen(correct.length - 1);
    }

    /**
     * Forgetting (Chaudhry et al. 2018, eq. 3): mean_{j&lt;N} (max_{j≤i&lt;N} a[i][j] − a[N][j]), N the last
     * experience, which is not in the maximum: negative where it improved on all before it.
     *
     * @return a difference of shares, in [-1, 1]; NaN before the second row
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
            for (int i = j; i < last; i++) {
                best = Math.max(best, at(i, j));
            }
            sum += best - at(last, j);
        }
        return last < 1 ? Double.NaN : sum / counted;
    }

    /**
     * Backward transfer (Lopez-Paz and Ranzato 2017): mean_{j&lt;N} (a[N][j] − a[j][j]), N the last experience.
     *
     * @return a difference of shares, in [-1, 1]; NaN before the second row
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
