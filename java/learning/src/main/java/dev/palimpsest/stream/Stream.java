package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.kernel.ClassRange;
import java.util.List;
import java.util.OptionalInt;

/**
 * A data set as a learner meets it, experience after experience. Classes are numbered in the order in which they are
 * first seen, so that the new classes of an experience, and all classes seen after it, are each one range.
 */
public interface Stream {
    Dataset dataset();

    List<Experience> experiences();

    /**
     * How many experiences there will be, where anybody knows.
     *
     * @return empty for a stream without a planned end
     */
    default OptionalInt length() {
        return OptionalInt.of(experiences().size());
    }

    /** How many classes there will be labels of. */
    int classes();

    /** Names of the classes in the stream's numbering. */
    List<String> classNames();

    /** The stream's number of a class of the data set. */
    int relabel(int label);

    /** All classes seen when the experience is over. */
    default ClassRange seenAfter(int experience) {
        return new ClassRange(0, experiences().get(experience).classes().end());
    }
}
