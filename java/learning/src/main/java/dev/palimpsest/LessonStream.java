package dev.palimpsest;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** The images of one lesson as a stream of one experience; nobody knows whether others will follow. */
record LessonStream(Dataset dataset, int[] learnt, int[] heldOut) implements Stream {
    @Override
    public List<Experience> experiences() {
        int[] present = IntStream.range(0, classes()).toArray();
        return List.of(
                new Experience(0, new ClassRange(0, classes()), present, learnt, new int[0], new int[0], heldOut));
    }

    @Override
    public OptionalInt length() {
        return OptionalInt.empty();
    }

    @Override
    public int classes() {
        return dataset.classes();
    }

    @Override
    public List<String> classNames() {
        return dataset.classNames();
    }

    @Override
    public int relabel(int label) {
        return label;
    }
}
