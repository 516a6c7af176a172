package dev.palimpsest.stream;

import java.util.List;

/**
 * Which images come when, as a file or a program gives it. The arrays are not to be changed.
 *
 * @param classes that the data set has, distractors among them
 * @param labelled indices of training images, for every experience
 * @param unlabelled indices of training images, for every experience
 * @param labelledClasses of which classes the labelled images of each experience are, ascending
 * @param unlabelledClasses the same of the unlabelled images
 */
public record Scenario(
        int classes,
        List<int[]> labelled,
        List<int[]> unlabelled,
        List<int[]> labelledClasses,
        List<int[]> unlabelledClasses) {
    /** Copies the lists. */
    public Scenario {
        labelled = List.copyOf(labelled);
        unlabelled = List.copyOf(unlabelled);
        labelledClasses = List.copyOf(labelledClasses);
        unlabelledClasses = List.copyOf(unlabelledClasses);
    }
}
