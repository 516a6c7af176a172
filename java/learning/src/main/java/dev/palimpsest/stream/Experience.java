package dev.palimpsest.stream;

import dev.palimpsest.kernel.ClassRange;
import java.util.stream.IntStream;

/**
 * What a stream brings at once: some images with their labels, and perhaps some without. The arrays belong to the
 * stream and are not to be changed; experiences are not to be compared by {@code equals}.
 *
 * @param index from 0
 * @param classes new ones, in the stream's numbering; empty where all were seen before
 * @param present classes of the training images, ascending: new ones and repeated ones
 * @param train ascending indices into the data set's training images
 * @param unlabelled ascending indices into the data set's training images, whose labels are not to be looked at; may
 *     be empty
 * @param validation ascending indices into the data set's training images, none of them in {@code train}; may be empty
 * @param test ascending indices into the data set's test images, those of the new classes
 */
public record Experience(
        int index, ClassRange classes, int[] present, int[] train, int[] unlabelled, int[] validation, int[] test) {
    /** An experience whose classes are all new and which has no unlabelled images. */
    static Experience ofNewClasses(int index, ClassRange classes, int[] train, int[] validation, int[] test) {
        int[] present = IntStream.range(classes.begin(), classes.end()).toArray();
        return new Experience(index, classes, present, train, new int[0], validation, test);
    }
}
