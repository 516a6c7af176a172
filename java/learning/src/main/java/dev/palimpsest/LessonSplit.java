package dev.palimpsest;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * The samples of a lesson, class by class: those to learn from, and those held out to measure. Immutable.
 *
 * @param classNames names of the labels; some may be without samples
 * @param classes by their labels, those that have samples
 */
record LessonSplit(List<String> classNames, SortedMap<Integer, OfClass> classes) {
    /** Indices of a class's samples, ascending. */
    record OfClass(int[] learnt, int[] heldOut) {
        /** Every n-th is held out, so the parts do not depend on other classes. */
        private static OfClass of(int[] indices, double share) {
            int held = Math.min(Knowledge.MOST_HELD_OUT, (int) (share * indices.length));
            boolean[] out = new boolean[indices.length];
            for (int i = 0; i < held; i++) {
                out[(int) ((i + 0.5) * indices.length / held)] = true;
            }
            return new OfClass(
                    IntStream.range(0, indices.length)
                            .filter(i -> !out[i])
                            .map(i -> indices[i])
                            .toArray(),
                    IntStream.range(0, indices.length)
                            .filter(i -> out[i])
                            .map(i -> indices[i])
                            .toArray());
        }
    }

    /** @param heldOut share of each class's samples */
    static LessonSplit of(Samples samples, double heldOut) {
        SortedMap<Integer, OfClass> classes = new TreeMap<>();
        for (int label = 0; label < samples.classNames().size(); label++) {
            int[] indices = samples.of(label);
            if (indices.length > 0) {
                classes.put(label, OfClass.of(indices, heldOut));
            }
        }
        return new LessonSplit(samples.classNames(), classes);
    }

    /** Of the classes that have samples. */
    List<String> names() {
        return classes.keySet().stream().map(classNames::get).toList();
    }

    /** Indices of all classes, ascending. */
    int[] learnt() {
        return all(OfClass::learnt);
    }

    /** Indices of all classes, ascending. */
    int[] heldOut() {
        return all(OfClass::heldOut);
    }

    private int[] all(Function<OfClass, int[]> part) {
        return classes.values().stream()
                .flatMapToInt(own -> Arrays.stream(part.apply(own)))
                .sorted()
                .toArray();
    }

    /** Indices by the names of the classes. */
    Map<String, int[]> learntByClass() {
        Map<String, int[]> learnt = new TreeMap<>();
        classes.forEach((label, own) -> learnt.put(classNames.get(label), own.learnt()));
        return learnt;
    }

    /** Of the class that has the fewest. */
    int fewestLearnt() {
        return classes.values().stream()
                .mapToInt(own -> own.learnt().length)
                .min()
                .orElse(0);
    }
}
