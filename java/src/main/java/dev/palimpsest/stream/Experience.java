package dev.palimpsest.stream;

import dev.palimpsest.tensor.ClassRange;

/**
 * What a stream brings at once: some new classes and all of their images. The arrays belong to the stream and are not to be changed.
 *
 * @param index from 0
 * @param classes in the stream's numbering
 * @param train ascending indices into the data set's training images
 * @param validation ascending indices into the data set's training images, none of them in {@code train}; may be empty
 * @param test ascending indices into the data set's test images
 */
public record Experience(int index, ClassRange classes, int[] train, int[] validation, int[] test) {}
