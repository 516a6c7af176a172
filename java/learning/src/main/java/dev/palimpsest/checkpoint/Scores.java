package dev.palimpsest.checkpoint;

import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;

/**
 * Counts of right answers.
 *
 * @param groups one for each experience that the model has learnt
 * @param leftOut how many images are not counted because the model has not learnt their class, by its name
 * @param highest every counted image's highest score; not to be written to
 */
public record Scores(List<Group> groups, SortedMap<String, Integer> leftOut, double[] highest) {
    /**
     * Scores on images of one experience's classes.
     *
     * @param classes their names
     * @param images how many were scored
     * @param right single-head: the highest score of all classes seen is the image's
     * @param rightWithin the highest score of the experience's own classes is the image's
     */
    public record Group(List<String> classes, int images, int right, int rightWithin) {
        /**
         * Accuracy among all classes that the model knows.
         *
         * @return share of 1; NaN without images
         */
        public double accuracy() {
            return (double) right / images;
        }

        /**
         * Accuracy among the classes of the image's own experience.
         *
         * @return share of 1; NaN without images
         */
        public double withinExperience() {
            return (double) rightWithin / images;
        }
    }

    /**
     * The groups taken together, every image weighing alike.
     *
     * @return the sum of all groups
     */
    public Group all() {
        return new Group(
                groups.stream().flatMap(group -> group.classes().stream()).toList(),
                groups.stream().mapToInt(Group::images).sum(),
                groups.stream().mapToInt(Group::right).sum(),
                groups.stream().mapToInt(Group::rightWithin).sum());
    }

    /**
     * How well the highest score tells the counted images from others: the share of pairs of a counted image and
     * another one in which the counted one's is higher, ties counting half (area under the ROC curve).
     *
     * @param others highest scores of images of no class that was learnt, of which there is at least one
     * @return from 0 to 1; 0.5 for scores that say nothing; NaN without counted images
     */
    public double auroc(double[] others) {
        double[] sorted = others.clone();
        Arrays.sort(sorted);
        double halves = 0;
        for (double score : highest) {
            halves += below(sorted, score) + below(sorted, Math.nextUp(score));
        }
        return halves / (2.0 * highest.length * sorted.length);
    }

    private static int below(double[] sorted, double limit) {
        int low = 0;
        int high = sorted.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (sorted[middle] < limit) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
