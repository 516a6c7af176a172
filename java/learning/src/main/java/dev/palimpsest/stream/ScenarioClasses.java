package dev.palimpsest.stream;

import dev.palimpsest.stream.RepetitionStream.Scenario;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Holds the classes that a scenario file names against those of its images. A file numbers the classes as the data set
 * does, or in the order in which they are first labelled; among those that are first labelled in one experience, and
 * among distractors, the order is then the file's own.
 */
final class ScenarioClasses {
    private final RepetitionStream stream;
    private final int classes;
    private final List<int[]> namedLabelled;
    private final List<int[]> namedUnlabelled;

    private ScenarioClasses(RepetitionStream stream, Scenario scenario) {
        this.stream = stream;
        classes = Math.max(scenario.classes(), stream.dataset().classes());
        namedLabelled = scenario.labelledClasses();
        namedUnlabelled = scenario.unlabelledClasses();
    }

    /**
     * Refuses a file that was made for other images.
     *
     * @throws IllegalArgumentException with the classes of the first experience that differs
     */
    static void check(RepetitionStream stream, Scenario scenario) {
        new ScenarioClasses(stream, scenario).check();
    }

    private void check() {
        IntUnaryOperator asInData = label -> label;
        if (same(asInData)) {
            return;
        }
        List<String> named = histories(namedLabelled, namedUnlabelled);
        List<String> found = histories(found(true, stream::relabel), found(false, stream::relabel));
        List<String> order = new ArrayList<>(found);
        order.sort(null);
        boolean inOrder = true;
        for (int c = 1; c < classes; c++) {
            inOrder &= first(named.get(c - 1)) <= first(named.get(c));
        }
        if (!inOrder || !named.stream().sorted().toList().equals(order)) {
            throw refused();
        }
    }

    private boolean same(IntUnaryOperator number) {
        return equal(namedLabelled, found(true, number)) && equal(namedUnlabelled, found(false, number));
    }

    private static boolean equal(List<int[]> some, List<int[]> others) {
        return Arrays.deepEquals(some.toArray(), others.toArray());
    }

    /** The classes of every experience's images, ascending. */
    private List<int[]> found(boolean labelled, IntUnaryOperator number) {
        return stream.experiences().stream()
                .map(e -> Arrays.stream(labelled ? e.train() : e.unlabelled())
                        .map(stream.dataset().train()::label)
                        .map(number)
                        .distinct()
                        .sorted()
                        .toArray())
                .toList();
    }

    /** Of every class, the experiences that it is labelled in and those that it is unlabelled in. */
    private List<String> histories(List<int[]> labelled, List<int[]> unlabelled) {
        return IntStream.range(0, classes)
                .mapToObj(c -> experiences(labelled, c) + "/" + experiences(unlabelled, c))
                .toList();
    }

    private static String experiences(List<int[]> classesOfEach, int label) {
        return IntStream.range(0, classesOfEach.size())
                .filter(e -> Arrays.binarySearch(classesOfEach.get(e), label) >= 0)
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(","));
    }

    /** The experience that a class is first labelled in; after all others if it never is. */
    private static int first(String history) {
        String labelled = history.substring(0, history.indexOf('/'));
        return labelled.isEmpty() ? Integer.MAX_VALUE : Integer.parseInt(labelled.split(",")[0]);
    }

    private IllegalArgumentException refused() {
        for (boolean labelled : new boolean[] {true, false}) {
            List<int[]> named = labelled ? namedLabelled : namedUnlabelled;
            List<int[]> found = found(labelled, stream::relabel);
            for (int e = 0; e < found.size(); e++) {
                if (!Arrays.equals(named.get(e), found.get(e))) {
                    return new IllegalArgumentException("the " + (labelled ? "labelled" : "unlabelled")
                            + " images of experience " + (e + 1) + " are of the classes " + listed(found.get(e))
                            + " in "
                            + stream.dataset().name() + " and of " + listed(named.get(e))
                            + " in the scenario file, counted in the order in which they are first labelled: use the"
                            + " data set that it was made for, its images in the order of its train.txt");
                }
            }
        }
        throw new AssertionError("lists that are equal are not refused");
    }

    private static String listed(int[] numbers) {
        return numbers.length == 0
                ? "none"
                : Arrays.stream(numbers).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    }
}
