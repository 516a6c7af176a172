package dev.palimpsest;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The version without a class, and what of the class the weights keep. */
final class Forgetting {
    private Forgetting() {}

    /**
     * Makes it.
     *
     * @param className of a class that the current version knows
     * @param before the model as it is
     * @param current its current version
     * @throws IOException with a sentence, if that cannot be read
     * @throws IllegalArgumentException if it does not know the class
     */
    static Taught of(String className, Manifest before, Version current) throws IOException {
        long began = System.nanoTime();
        current.samples(className); // refuses a class that is not known
        Knowledge after = current.knowledge().without(className);
        Knowledge.Tested tested = after.tested();
        SortedMap<String, Double> accuracyBefore = new TreeMap<>(before.accuracy(before.current()));
        accuracyBefore.remove(className);
        Lesson lesson = new Lesson(
                before.next(),
                before.current(),
                Lesson.Kind.FORGOTTEN,
                "asked for",
                Instant.now(),
                (System.nanoTime() - began) * 1e-9,
                List.of(),
                List.of(),
                List.of(className),
                List.of(),
                0,
                0,
                Lesson.mean(accuracyBefore),
                Lesson.mean(tested.accuracy()),
                OptionalDouble.empty(),
                Optional.empty(),
                trainedOn(className, before));
        Manifest made = before.without(className)
                .with(
                        before.pixels(),
                        new Manifest.Entry(
                                lesson,
                                before.entry(before.current()).snapshots(),
                                List.of(),
                                tested.calibration(),
                                new TreeMap<>(tested.accuracy()),
                                List.of()));
        return new Taught(made, after, lesson);
    }

    /** A sentence for every snapshot whose weights saw a class. */
    private static List<String> trainedOn(String className, Manifest manifest) {
        return manifest.entries().stream()
                .map(Manifest.Entry::lesson)
                .filter(lesson -> lesson.kind() == Lesson.Kind.TRAINED
                        && Stream.of(lesson.newClasses(), lesson.repeatedClasses(), lesson.rehearsedClasses())
                                .anyMatch(names -> names.contains(className)))
                .map(lesson -> "the snapshot of version " + lesson.version() + " was trained on samples of " + className
                        + " and keeps what its weights learnt of them; "
                        + (lesson.before() == 0
                                ? "a new model without them is the only way to be rid of that"
                                : "roll back to version " + lesson.before() + " to be rid of that"))
                .toList();
    }
}
