package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.kernel.ClassRange;
import java.util.List;
import java.util.OptionalInt;

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
}
