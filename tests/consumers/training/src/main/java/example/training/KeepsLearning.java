package example.training;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Prediction;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import dev.palimpsest.data.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/** A service that learns classes one after another, and keeps none of their images. */
final class KeepsLearning {
    private KeepsLearning() {}

    /** Fails if it forgets, or if an earlier version says something else than it did. */
    static void run() throws IOException {
        Path folder = Files.createTempDirectory("palimpsest-model").resolve("stripes");
        Images test = Main.images(20, 2);
        List<Prediction> first;
        try (ContinualClassifier model = ContinualClassifier.create(folder, Setup.images(1, Main.SIDE, Main.SIDE))) {
            model.learn(lesson(0, 1, 2));
            first = model.classify(test);
            expect(Lesson.Kind.TRAINED, model.learn(lesson(3, 4)).kind());
            expect(Lesson.Kind.REGISTERED, model.learn(lesson(5)).kind());
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            List<Prediction> last = model.classify(test);
            long right = IntStream.range(0, test.size())
                    .filter(i -> last.get(i).className().equals(Main.NAMES.get(test.label(i))))
                    .count();
            System.out.println("keeps learning: " + right + " of " + test.size() + " right, versions "
                    + model.versions().size());
            if (right < 0.6 * test.size()) {
                throw new AssertionError("right on " + right + " of " + test.size());
            }
            expect(first, model.version(1).classify(test));
            model.forget(Main.NAMES.get(5));
            expect(5, model.current().classNames().size());
            model.rollBack(1);
            expect(first, model.classify(test));
        }
    }

    /** Forty images of each class. */
    private static Samples lesson(int... classes) {
        Images all = Main.images(40, 1);
        int[] chosen = IntStream.range(0, all.size())
                .filter(i -> IntStream.of(classes).anyMatch(c -> c == all.label(i)))
                .toArray();
        int pixels = Main.SIDE * Main.SIDE;
        byte[] bytes = new byte[chosen.length * pixels];
        int[] labels = new int[chosen.length];
        for (int i = 0; i < chosen.length; i++) {
            labels[i] = all.label(chosen[i]);
            for (int p = 0; p < pixels; p++) {
                bytes[i * pixels + p] = (byte) all.pixel(chosen[i], 0, p / Main.SIDE, p % Main.SIDE);
            }
        }
        return Samples.of(Images.of(1, Main.SIDE, Main.SIDE, bytes, labels), Main.NAMES);
    }

    private static void expect(Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }
}
