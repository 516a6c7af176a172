package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.internal.Given;
import dev.palimpsest.internal.Purpose;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.kernel.ClassRange;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * A data set as a learner meets it, experience after experience. Classes are numbered in the order in which they are
 * first seen, so that the new classes of an experience, and all classes seen after it, are each one range.
 *
 * <p>Implementations are immutable: loaders call {@link #relabel} on threads of their own.
 */
public interface Stream {
    /**
     * What the images of all experiences are taken from.
     *
     * @return the data set that the experiences' indices refer to
     */
    Dataset dataset();

    /**
     * What comes, in this order.
     *
     * @return experiences of number 0, 1, …
     */
    List<Experience> experiences();

    /**
     * How many experiences there will be, where anybody knows.
     *
     * @return empty for a stream without a planned end
     */
    default OptionalInt length() {
        return OptionalInt.of(experiences().size());
    }

    /**
     * The number of classes.
     *
     * @return how many classes there will be labels of
     */
    int classes();

    /**
     * The names of the classes.
     *
     * @return one for each of {@link #classes} classes, in the stream's numbering
     */
    List<String> classNames();

    /**
     * The stream's number of a class of the data set.
     *
     * @param label the data set's number of the class
     * @return below {@link #classes} if there will be labels of the class
     * @throws IndexOutOfBoundsException if there is no such class
     */
    int relabel(int label);

    /**
     * All classes seen when an experience is over.
     *
     * @param experience from 0
     * @return classes from 0 to the last that is new by then
     * @throws IndexOutOfBoundsException if there is no such experience
     */
    default ClassRange seenAfter(int experience) {
        return new ClassRange(0, experiences().get(experience).classes().end());
    }

    /** The order in which a stream brings the classes of a data set. Immutable. */
    sealed interface ClassOrder {
        /**
         * A random order that depends on the seed and the number of classes alone.
         *
         * @param seed any number
         */
        record Seeded(long seed) implements ClassOrder {
            @Override
            public int[] of(int classes) {
                int[] order = IntStream.range(0, classes).toArray();
                SplitMix64.of(seed, Purpose.CLASS_ORDER).shuffle(order);
                return order;
            }

            @Override
            public String toString() {
                return Long.toString(seed);
            }
        }

        /**
         * An order that is written out.
         *
         * @param labels the data set's labels in the order in which they come, each once
         */
        record Listed(List<Integer> labels) implements ClassOrder {
            /** Copies the labels; {@link #of} checks them. */
            public Listed {
                labels = Given.all(labels, "label", "a number");
            }

            @Override
            public int[] of(int classes) {
                int[] order = labels.stream().mapToInt(Integer::intValue).toArray();
                int[] sorted = order.clone();
                Arrays.sort(sorted);
                if (!Arrays.equals(sorted, IntStream.range(0, classes).toArray())) {
                    throw new IllegalArgumentException(
                            "class order " + this + " must name each of the " + classes + " classes 0.."
                                    + (classes - 1) + " once, it has " + labels.size() + " entries, "
                                    + Arrays.stream(sorted).distinct().count()
                                    + " of them different");
                }
                return order;
            }

            @Override
            public String toString() {
                return String.join(",", labels.stream().map(Object::toString).toList());
            }
        }

        /**
         * The order of so many classes.
         *
         * @param classes how many classes the data set has; their labels are 0 to classes - 1
         * @return the data set's label at each position, each label once
         * @throws IllegalArgumentException if this order is for other classes
         */
        int[] of(int classes);

        /**
         * Reads a class order as recipes write it.
         *
         * @param text a seed ("seed:7" or "7"), or labels joined by commas ("3,1,0,2")
         * @return the order
         * @throws IllegalArgumentException if the text is anything else
         */
        static ClassOrder parse(String text) {
            try {
                String stripped = text.strip();
                if (stripped.contains(",")) {
                    return new Listed(Arrays.stream(stripped.split(",", -1))
                            .map(String::strip)
                            .map(Integer::valueOf)
                            .toList());
                }
                return new Seeded(
                        Long.parseLong(stripped.startsWith("seed:") ? stripped.substring("seed:".length()) : stripped));
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                        "\"" + text
                                + "\" is not a class order: expected seed:NUMBER or labels joined by commas such as"
                                + " 3,1,0,2",
                        e);
            }
        }
    }

    /**
     * What a stream brings at once: some images with their labels, and perhaps some without. The arrays belong to the
     * stream and are not to be changed; experiences are not to be compared by {@code equals}.
     *
     * @param index from 0
     * @param classes new ones, in the stream's numbering; empty where all were seen before
     * @param present classes of the training images, ascending: new ones and repeated ones
     * @param train ascending indices into the data set's training images
     * @param unlabelled ascending indices into the data set's training images, whose labels are not to be looked at;
     *     may be empty
     * @param validation ascending indices into the data set's training images, none of them in {@code train}; may be
     *     empty
     * @param test ascending indices into the data set's test images, those of the new classes
     */
    record Experience(
            int index, ClassRange classes, int[] present, int[] train, int[] unlabelled, int[] validation, int[] test) {
        /** An experience whose classes are all new and which has no unlabelled images. */
        static Experience ofNewClasses(int index, ClassRange classes, int[] train, int[] validation, int[] test) {
            int[] present = IntStream.range(classes.begin(), classes.end()).toArray();
            return new Experience(index, classes, present, train, new int[0], validation, test);
        }
    }
}
