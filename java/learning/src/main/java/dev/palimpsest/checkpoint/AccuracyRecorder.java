package dev.palimpsest.checkpoint;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.Arrays;

/** Counts right answers after every experience, single-head and within the image's own experience. */
public final class AccuracyRecorder {
    private static final String RIGHT = "right.single_head";
    private static final String WITHIN = "right.within_experience";

    private AccuracyMatrix accuracy;
    private AccuracyMatrix within;

    /**
     * Right answers on images of one experience's classes.
     *
     * @param single the highest score of all classes seen is the image's
     * @param within the highest score of the experience's own classes is the image's
     */
    public record Right(int single, int within) {
        /**
         * Counts right answers.
         *
         * @param scores [images][classes]
         * @param labels of the images
         * @param seen all classes seen by now
         * @param own classes of the images' own experience
         * @return the counts
         */
        public static Right count(double[][] scores, int[] labels, ClassRange seen, ClassRange own) {
            int single = 0;
            int within = 0;
            for (int i = 0; i < scores.length; i++) {
                single += best(scores[i], seen) == labels[i] ? 1 : 0;
                within += best(scores[i], own) == labels[i] ? 1 : 0;
            }
            return new Right(single, within);
        }

        private static int best(double[] scores, ClassRange candidates) {
            int best = candidates.begin();
            for (int c = best + 1; c < candidates.end(); c++) {
                best = scores[c] > scores[best] ? c : best;
            }
            return best;
        }
    }

    /**
     * Nothing counted yet.
     *
     * @param images evaluated images of each experience
     */
    public AccuracyRecorder(int[] images) {
        accuracy = AccuracyMatrix.of(images);
        within = AccuracyMatrix.of(images);
    }

    /**
     * Experiences that are done.
     *
     * @return how many
     */
    public int experiences() {
        return accuracy.experiences();
    }

    /**
     * Single-head accuracy.
     *
     * @return after every experience on every one so far
     */
    public AccuracyMatrix accuracy() {
        return accuracy;
    }

    /**
     * Accuracy among the classes of the image's own experience.
     *
     * @return after every experience on every one so far
     */
    public AccuracyMatrix within() {
        return within;
    }

    /**
     * Records the next experience.
     *
     * @param right on the images of every experience so far, this one last
     */
    public void add(Right[] right) {
        accuracy = accuracy.plus(Arrays.stream(right).mapToInt(Right::single).toArray());
        within = within.plus(Arrays.stream(right).mapToInt(Right::within).toArray());
    }

    /**
     * Adds the counts to a file.
     *
     * @param file to be written
     */
    public void write(SafetensorsWriter file) {
        Shape square = Shape.of(experiences(), experiences());
        file.add(RIGHT, square, square(accuracy));
        file.add(WITHIN, square, square(within));
    }

    /** Records all experiences of a file that {@link #write} wrote to. */
    void read(Safetensors file) {
        int[] single = file.ints(RIGHT);
        int[] own = file.ints(WITHIN);
        int n = experiences(file);
        for (int i = 0; i < n; i++) {
            Right[] right = new Right[i + 1];
            for (int j = 0; j <= i; j++) {
                right[j] = new Right(single[i * n + j], own[i * n + j]);
            }
            add(right);
        }
    }

    /**
     * Experiences that were done when a file was written.
     *
     * @param file that {@link #write} wrote to
     * @return how many
     */
    public static int experiences(Safetensors file) {
        return file.shape(RIGHT).extent(0);
    }

    /** Counts, 0 above the diagonal. */
    private static int[] square(AccuracyMatrix matrix) {
        int n = matrix.experiences();
        int[] square = new int[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                square[i * n + j] = matrix.right(i, j);
            }
        }
        return square;
    }
}
