package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that keep some images of every class, within a budget. */
class KeptImagesTest {
    private static final Images DIGITS =
            Dataset.load("digits", Optional.empty()).train();
    private static final List<String> NAMES =
            IntStream.range(0, 10).mapToObj(Integer::toString).toList();
    private static final int IMAGE = 64;
    private static final double MEGABYTES = 0.012;
    private static final Setup SETUP =
            Setup.images(1, 8, 8).withEpochs(1).withSnapshots(2).withExemplars(MEGABYTES);

    @TempDir
    private static Path shared;

    /** 0 and 1, which train; then 2 and 3, which train on kept images of 0 and 1 too; 4 and more of 0, registered. */
    private static Path taught;

    @TempDir
    private Path temporary;

    @BeforeAll
    static void teach() throws IOException {
        taught = shared.resolve("digits");
        try (ContinualClassifier model = ContinualClassifier.create(taught, SETUP)) {
            assertEquals(List.of(), model.learn(digits(60, 0, 1)).rehearsedClasses());
            assertEquals(List.of("0", "1"), model.learn(digits(40, 2, 3)).rehearsedClasses());
            Lesson last = model.learn(digits(100, 4, 0));
            assertEquals(Lesson.Kind.REGISTERED, last.kind());
            assertEquals(List.of(), last.warnings());
        }
    }

    @Test
    void theBudgetIsSharedByAllClasses() throws IOException {
        Map<String, Integer> kept = new TreeMap<>();
        long bytes = 0;
        for (Path file : exemplars(taught)) {
            bytes += Files.size(file);
            for (String digit : digitsIn(file)) {
                kept.merge(digit, 1, Integer::sum);
            }
        }
        assertTrue(bytes <= 1e6 * MEGABYTES && bytes > 0.7e6 * MEGABYTES, bytes + " bytes are kept");
        try (ContinualClassifier model = ContinualClassifier.open(taught)) {
            Version now = model.current();
            assertEquals(now.classNames().stream().collect(Collectors.toMap(name -> name, now::exemplars)), kept);
            assertEquals(kept.get("1"), kept.get("2"));
            assertTrue(model.version(1).exemplars("0") < now.exemplars("0"), "the last lesson has more of it");
            assertThrows(IllegalArgumentException.class, () -> model.version(1).exemplars("2"));
            long all = 0;
            for (Path file : files(taught)) {
                all += Files.size(file);
            }
            assertEquals(all, model.bytes());
        }
    }

    /** Each image of a file, as the digit of the training set that it is. */
    private static List<String> digitsIn(Path file) throws IOException {
        Map<ByteBuffer, String> known = IntStream.range(0, DIGITS.size())
                .boxed()
                .collect(Collectors.toMap(
                        i -> ByteBuffer.wrap(pixels(i)), i -> Integer.toString(DIGITS.label(i)), (one, other) -> one));
        Safetensors kept = Safetensors.read(file);
        int images = kept.shape("images").extent(0);
        assertEquals(Shape.of(images, 1, 8, 8), kept.shape("images"));
        byte[] pixels = kept.bytes("images");
        List<String> digits = IntStream.range(0, images)
                .mapToObj(i -> known.get(ByteBuffer.wrap(Arrays.copyOfRange(pixels, i * IMAGE, (i + 1) * IMAGE))))
                .toList();
        assertEquals(1, Set.copyOf(digits).size(), digits.toString());
        assertEquals(
                images,
                IntStream.range(0, images)
                        .mapToObj(i -> ByteBuffer.wrap(pixels, i * IMAGE, IMAGE))
                        .distinct()
                        .count());
        return digits;
    }

    @Test
    void aLessonOfOneClassTrainsAgainstWhatIsKept() throws IOException {
        Path folder = copy();
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            model.rollBack(1);
            Lesson lesson = model.learn(digits(40, 7));
            assertEquals(Lesson.Kind.TRAINED, lesson.kind());
            assertEquals(List.of("0", "1"), lesson.rehearsedClasses(), "those of the version that was gone back to");
            assertEquals(List.of("0", "1", "7"), model.current().classNames());
            assertTrue(model.current().exemplars("7") > 0);
            assertTrue(model.version(3).exemplars("4") > 0, "other versions keep theirs");
        }
    }

    @Test
    void aForgottenClassIsGoneFromWhatIsKept() throws IOException {
        Path folder = copy();
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            int others = model.current().exemplars("2");
            Lesson lesson = model.forget("0");
            assertEquals(2, lesson.warnings().size(), "it was trained on, and later trained on again");
            assertTrue(lesson.warnings().getLast().startsWith("the snapshot of version 2 was trained on samples of 0"));
            assertEquals(others, model.current().exemplars("2"));
            for (Path file : exemplars(folder)) {
                assertFalse(digitsIn(file).contains("0"), file.toString());
            }
            model.forget("4");
            assertEquals(List.of(), model.forget("3").rehearsedClasses());
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            assertEquals(List.of("1", "2"), model.current().classNames());
        }
    }

    @Test
    void aBudgetThatHoldsNoImageOfEachClassIsWarnedOf() throws IOException {
        Path folder = temporary.resolve("model");
        try (ContinualClassifier model = ContinualClassifier.create(folder, SETUP.withExemplars(0.0012))) {
            assertEquals(List.of(), model.learn(digits(30, 0, 1)).warnings());
            Lesson lesson = model.learn(digits(30, 2, 3));
            assertEquals(
                    "0.0012 MB hold no image of each class any more: none is kept of some of this lesson's",
                    lesson.warnings().getLast());
            assertEquals(List.of(), exemplars(folder));
            assertEquals(0, model.current().exemplars("0"));
        }
    }

    /** The snapshot of a lesson that failed after training has the name that the next one's gets. */
    @Test
    void aLessonAfterOneThatFailedReadsItsOwnSnapshot() throws IOException {
        Path folder = temporary.resolve("model");
        Path kept;
        List<Prediction> expected;
        try (ContinualClassifier model = ContinualClassifier.create(folder, SETUP)) {
            model.learn(digits(60, 0, 1));
            kept = exemplars(folder).getFirst();
            byte[] bytes = Files.readAllBytes(kept);
            Progress losing = new Progress() {
                @Override
                public void done(Result result) {
                    try {
                        Files.delete(kept);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            };
            String refused = assertThrows(
                            IOException.class,
                            () -> model.learn(digits(60, 5, 6), Lesson.Options.DEFAULT.withProgress(losing)))
                    .getMessage();
            assertTrue(refused.contains(kept.getFileName().toString()), refused);
            assertEquals(1, model.current().number());
            Files.write(kept, bytes);
            model.learn(digits(60, 2, 3));
            expected = model.classify(DIGITS);
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            assertEquals(model.classify(DIGITS), expected);
        }
    }

    @Test
    void damageOfWhatIsKeptEndsOnlyLessonsThatReadIt() throws IOException {
        Path folder = copy();
        for (Path file : exemplars(folder)) {
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 3] ^= 4;
            Files.write(file, bytes);
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            assertEquals(5, model.classify(DIGITS).getFirst().probabilities().size());
            model.rollBack(1);
            String refused = assertThrows(IOException.class, () -> model.learn(digits(30, 8, 9)))
                    .getMessage();
            assertTrue(refused.contains("exemplars-"), refused);
            assertEquals(1, model.current().number());
        }
    }

    @Test
    void imagesAreKeptOnlyWhereSomethingTrains() {
        assertTrue(assertThrows(
                        IllegalArgumentException.class, () -> Setup.features(4).withExemplars(1))
                .getMessage()
                .startsWith("exemplarMegabytes = 1: expected 0 where no network is trained"));
        assertThrows(IllegalArgumentException.class, () -> SETUP.withExemplars(-1));
        assertThrows(IllegalArgumentException.class, () -> SETUP.withExemplars(Double.NaN));
    }

    private static Samples digits(int ofEach, int... classes) {
        int[] chosen = IntStream.of(classes)
                .flatMap(c -> IntStream.range(0, DIGITS.size())
                        .filter(i -> DIGITS.label(i) == c)
                        .limit(ofEach))
                .toArray();
        byte[] pixels = new byte[chosen.length * IMAGE];
        for (int i = 0; i < chosen.length; i++) {
            System.arraycopy(pixels(chosen[i]), 0, pixels, i * IMAGE, IMAGE);
        }
        return Samples.of(
                Images.of(
                        1, 8, 8, pixels, IntStream.of(chosen).map(DIGITS::label).toArray()),
                NAMES);
    }

    private static byte[] pixels(int index) {
        byte[] pixels = new byte[IMAGE];
        for (int p = 0; p < IMAGE; p++) {
            pixels[p] = (byte) DIGITS.pixel(index, 0, p / 8, p % 8);
        }
        return pixels;
    }

    private Path copy() throws IOException {
        Path copy = Files.createDirectory(temporary.resolve("copy"));
        for (Path file : files(taught)) {
            Files.copy(file, copy.resolve(file.getFileName()));
        }
        return copy;
    }

    private static List<Path> exemplars(Path folder) throws IOException {
        return files(folder).stream()
                .filter(file -> file.getFileName().toString().startsWith("exemplars-"))
                .toList();
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }
}
