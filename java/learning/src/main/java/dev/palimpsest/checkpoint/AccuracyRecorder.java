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
    private int[][] confusion = {};

    /**
     * Right answers on images of one experience's classes.
     *
     * @param single the highest score of all classes seen is the image's
     * @param within the highest score of the experience's own classes is the image's
     * @param answers [own classes][classes seen], how many images of a class got which answer among all classes seen
     */
    public record Right(int single, int within, int[][] answers) {
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
            int[][] answers = new int[own.size()][seen.end()];
            for (int i = 0; i < scores.length; i++) {
                int answer = best(scores[i], seen);
                if (own.contains(labels[i])) {
                    answers[labels[i] - own.begin()][answer]++;
                }
                single += answer == labels[i] ? 1 : 0;
                within += best(scores[i], own) == labels[i] ? 1 : 0;
            }
            return new Right(single, within, answers);
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
     * Answers after the last experience.
     *
     * @return [classes seen][classes seen], how many images of a class (row) got which answer (column); a copy
     */
    public int[][] confusion() {
        return Arrays.stream(confusion).map(int[]::clone).toArray(int[][]::new);
    }

    /**
     * Records the next experience.
     *
     * @param right on the images of every experience so far, this one last
     */
    public void add(Right[] right) {
        accuracy = accuracy.plus(Arrays.stream(right).mapToInt(Right::single).toArray());
        within = within.plus(Arrays.stream(right).mapToInt(Right::within).toArray());
        // Experiences bring their classes in order, so that their rows follow one another.
        confusion = Arrays.stream(right)
                .flatMap(experience -> Arrays.stream(experience.answers()))
                .toArray(int[][]::new);
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

    /**
     * Experiences that were done when a file was written.
     *
     * @param file that {@link #write} wrote to
     * @return how many
     * @throws IllegalArgumentException if the file does not have the counts
     */
    public static int experiences(Safetensors file) {
        Shape shape = file.shape(RIGHT);
        if (shape.rank() != 2
                || shape.extent(0) != shape.extent(1)
                || !file.shape(WITHIN).equals(shape)) {
            throw new IllegalArgumentException(RIGHT + " and " + WITHIN + " are " + shape + " and " + file.shape(WITHIN)
                    + ", expected a row and a column for every experience");
        }
        return shape.extent(0);
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
