package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.StateDict;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On the digits that the library has: some are taught by training, later ones registered. */
class ContinualClassifierTest {
    private static final Dataset DIGITS = Dataset.load("digits", Optional.empty());
    private static final Setup SETUP = Setup.images(1, 8, 8).withEpochs(6);

    @TempDir
    private static Path shared;

    /** A model of four lessons: 0–3, 4–6 and 7–8 trained, 9 registered. Not to be changed. */
    private static Path taught;

    private static final List<Lesson> LESSONS = new ArrayList<>();
    /** What each version said right after its lesson. */
    private static final List<List<Prediction>> SAID = new ArrayList<>();

    @TempDir
    private Path temporary;

    @BeforeAll
    static void teach() throws IOException {
        taught = shared.resolve("digits");
        try (ContinualClassifier model = ContinualClassifier.create(taught, SETUP)) {
            for (int[] classes : new int[][] {{0, 1, 2, 3}, {4, 5, 6}, {7, 8}, {9}}) {
                LESSONS.add(model.learn(digits(classes)));
                SAID.add(model.classify(DIGITS.test()));
            }
        }
    }

    @Test
    void itLearnsTenClassesInFourLessonsWithoutKeepingAnImage() throws IOException {
        double right = right(SAID.getLast());
        assertTrue(right >= 0.95, "right on " + right + " of the test images");
        assertEquals(
                List.of(Lesson.Kind.TRAINED, Lesson.Kind.TRAINED, Lesson.Kind.TRAINED, Lesson.Kind.REGISTERED),
                LESSONS.stream().map(Lesson::kind).toList());
        assertEquals("the model has its 3 snapshots", LESSONS.getLast().reason());
        Set<String> pixels = new TreeSet<>();
        for (int i = 0; i < DIGITS.train().size(); i++) {
            StringBuilder image = new StringBuilder();
            for (int p = 0; p < 64; p++) {
                image.append((char) DIGITS.train().pixel(i, 0, p / 8, p % 8));
            }
            pixels.add(image.toString());
        }
        for (Path file : files(taught)) {
            String content = Files.readString(file, StandardCharsets.ISO_8859_1);
            assertTrue(pixels.stream().noneMatch(content::contains), file + " holds an image");
        }
    }

    @Test
    void accuraciesAreOfHeldOutSamplesAndProbabilitiesAreCalibrated() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.open(taught)) {
            Version version = model.current();
            assertEquals(10, version.accuracyByClass().size());
            assertEquals(
                    right(SAID.getLast()), version.accuracy().orElseThrow(), 0.04, "test against held-out samples");
            assertTrue(version.calibrationError().orElseThrow() < 0.06, "error " + version.calibrationError());
            double confidence = SAID.getLast().stream()
                    .mapToDouble(Prediction::probability)
                    .average()
                    .orElseThrow();
            assertEquals(
                    right(SAID.getLast()), confidence, 0.05, "mean probability against the share of right answers");
            for (Prediction prediction : SAID.getLast().subList(0, 20)) {
                double sum = prediction.probabilities().values().stream()
                        .mapToDouble(p -> p)
                        .sum();
                assertEquals(1, sum, 1e-9);
                assertEquals(10, prediction.probabilities().size());
                assertEquals(
                        prediction.className(),
                        prediction.probabilities().firstEntry().getKey());
                assertEquals(
                        prediction.probability(),
                        prediction.probabilities().firstEntry().getValue());
            }
            long unknown = SAID.getLast().stream().filter(Prediction::unknown).count();
            assertTrue(unknown <= 0.12 * SAID.getLast().size(), unknown + " known digits are called unknown");
        }
    }

    @Test
    void whatWasNeverLearntIsCalledUnknownMoreOften() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.open(taught)) {
            List<Prediction> first = model.version(1).classify(DIGITS.test());
            double known = share(first, i -> DIGITS.test().label(i) < 4);
            double others = share(first, i -> DIGITS.test().label(i) >= 4);
            assertTrue(known < 0.15 && others > 0.6, "unknown: " + known + " of known, " + others + " of other digits");
        }
    }

    private static double share(List<Prediction> predictions, java.util.function.IntPredicate of) {
        return IntStream.range(0, predictions.size())
                .filter(of)
                .mapToDouble(i -> predictions.get(i).unknown() ? 1 : 0)
                .average()
                .orElseThrow();
    }

    @Test
    void everyVersionClassifiesAsItDidThen() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.open(taught)) {
            for (int version = 1; version <= 4; version++) {
                assertEquals(
                        SAID.get(version - 1), model.version(version).classify(DIGITS.test()), "version " + version);
            }
            assertEquals(List.of("0", "1", "2", "3"), model.version(1).classNames());
            assertEquals(4, model.current().number());
        }
    }

    @Test
    void goingBackKeepsEveryVersion() throws IOException {
        Path folder = copy(taught);
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            model.rollBack(2);
            assertEquals(SAID.get(1), model.classify(DIGITS.test()));
            Lesson lesson = model.learn(digits(9), Lesson.Kind.REGISTERED);
            assertEquals(2, lesson.before());
            assertEquals(5, lesson.version());
            assertEquals(
                    List.of("0", "1", "2", "3", "4", "5", "6", "9"),
                    model.current().classNames());
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            assertEquals(5, model.current().number());
            assertEquals(SAID.get(3), model.version(4).classify(DIGITS.test()));
        }
    }

    @Test
    void forgettingLeavesTheBitsOfAModelThatNeverRegisteredTheClass() throws IOException {
        Path with = copy(taught);
        try (ContinualClassifier model = ContinualClassifier.open(with)) {
            Lesson lesson = model.forget("9");
            assertEquals(SAID.get(2), model.classify(DIGITS.test()));
            assertEquals(model.version(3).accuracyByClass(), model.current().accuracyByClass());
            assertEquals(List.of(), lesson.warnings());
            assertFalse(model.version(4).classNames().contains("9"), "earlier versions forget too");
            assertTrue(files(with).stream().noneMatch(file -> file.endsWith("class-4-9.safetensors")));
            Lesson trained = model.forget("4");
            assertEquals(1, trained.warnings().size());
            assertTrue(
                    trained.warnings().getFirst().endsWith("roll back to version 1 to be rid of that"),
                    trained.warnings().getFirst());
            assertThrows(IllegalArgumentException.class, () -> model.forget("4"));
        }
    }

    @Test
    void moreSamplesOfAKnownClassAreMergedAndLeaveOtherClassesAlone() throws IOException {
        Path folder = copy(taught);
        int[] nines = indices(9);
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            model.forget("9");
            model.learn(samples(Arrays.copyOf(nines, nines.length / 2)), Lesson.Kind.REGISTERED);
            int some = model.current().samples("9");
            byte[] zero = Files.readAllBytes(folder.resolve("class-1-0.safetensors"));
            Lesson more = model.learn(
                    samples(Arrays.copyOfRange(nines, nines.length / 2, nines.length)), Lesson.Kind.REGISTERED);
            assertEquals(List.of("9"), more.repeatedClasses());
            assertTrue(model.current().samples("9") > some);
            assertTrue(Arrays.equals(zero, Files.readAllBytes(folder.resolve("class-1-0.safetensors"))));
            double right = right(model.classify(DIGITS.test()));
            assertTrue(right >= 0.95, "right on " + right);
        }
    }

    @Test
    void readersSeeWholeVersionsWhileALessonIsLearnt() throws Exception {
        Path folder = temporary.resolve("digits");
        AtomicBoolean done = new AtomicBoolean();
        try (ContinualClassifier model = ContinualClassifier.create(folder, SETUP);
                ExecutorService readers = Executors.newFixedThreadPool(2)) {
            model.learn(digits(0, 1, 2, 3));
            List<Future<Integer>> read = new ArrayList<>();
            for (int r = 0; r < 2; r++) {
                Callable<Integer> reading = () -> {
                    int passes = 0;
                    while (!done.get()) {
                        assertTrue(Set.of(SAID.get(0), SAID.get(1)).contains(model.classify(DIGITS.test())));
                        passes++;
                    }
                    return passes;
                };
                read.add(readers.submit(reading));
            }
            try {
                model.learn(digits(4, 5, 6));
            } finally {
                done.set(true);
            }
            for (Future<Integer> passes : read) {
                assertTrue(passes.get() > 0);
            }
            assertEquals(SAID.get(1), model.classify(DIGITS.test()));
        }
    }

    @Test
    void aLessonThatFailsLeavesTheModelAsItWas() throws IOException {
        Path folder = temporary.resolve("digits");
        try (ContinualClassifier model = ContinualClassifier.create(folder, SETUP)) {
            model.learn(digits(0, 1, 2, 3));
            Progress cancelling = new Progress() {
                @Override
                public void step(Step step) {
                    throw new IllegalStateException("cancelled");
                }
            };
            assertThrows(
                    IllegalStateException.class,
                    () -> model.learn(digits(4, 5), Lesson.Options.DEFAULT.withProgress(cancelling)));
            assertEquals(SAID.getFirst(), model.classify(DIGITS.test()));
            Files.writeString(folder.resolve("class-9-9.safetensors"), "left by a lesson that was killed");
            Files.writeString(folder.resolve("snapshot-9.safetensors.x" + AtomicFile.UNFINISHED), "likewise");
            model.learn(digits(4, 5, 6));
            assertEquals(SAID.get(1), model.classify(DIGITS.test()));
            assertTrue(files(folder).stream()
                    .noneMatch(file -> file.getFileName().toString().contains("-9")));
        }
    }

    @Test
    void aCancelledLessonLeavesTheModelAsItWas() throws IOException {
        Path folder = temporary.resolve("digits");
        try (ContinualClassifier model = ContinualClassifier.create(folder, SETUP)) {
            assertFalse(model.cancelLesson(), "there is none");
            model.learn(digits(0, 1, 2, 3));
            List<Path> before = files(folder);
            AtomicInteger steps = new AtomicInteger();
            Progress cancelling = new Progress() {
                @Override
                public void step(Step step) {
                    steps.incrementAndGet();
                    assertTrue(model.cancelLesson());
                }
            };
            CancellationException e = assertThrows(
                    CancellationException.class,
                    () -> model.learn(digits(4, 5), Lesson.Options.DEFAULT.withProgress(cancelling)));
            assertEquals("the lesson was cancelled: the model stays as it was", e.getMessage());
            assertEquals(1, steps.get(), "it ends at the step that it is cancelled in");
            assertFalse(model.cancelLesson(), "it is over");
            assertEquals(before, files(folder));
            assertEquals(SAID.getFirst(), model.classify(DIGITS.test()));
            model.learn(digits(4, 5, 6));
            assertEquals(SAID.get(1), model.classify(DIGITS.test()));
        }
    }

    /** Whoever comes first: a lesson that was cancelled made no version, one that was not made one. */
    @Test
    void aRegisteredLessonIsCancelledOrMakesAVersion() throws Exception {
        Random random = new Random(2);
        int classes = 60;
        float[][] features = new float[classes * 20][150];
        for (float[] row : features) {
            for (int d = 0; d < row.length; d++) {
                row[d] = (float) random.nextGaussian();
            }
        }
        List<String> names = IntStream.range(0, features.length)
                .mapToObj(i -> "class " + i % classes)
                .toList();
        Samples samples = Samples.ofFeatures(features, names);
        Path folder = temporary.resolve("rows");
        try (ContinualClassifier model = ContinualClassifier.create(folder, Setup.features(150));
                ExecutorService teacher = Executors.newSingleThreadExecutor()) {
            Future<Lesson> lesson = teacher.submit(() -> model.learn(samples));
            while (!model.cancelLesson() && !lesson.isDone()) {
                Thread.onSpinWait();
            }
            ExecutionException e = assertThrows(ExecutionException.class, lesson::get);
            assertInstanceOf(CancellationException.class, e.getCause());
            assertEquals(List.of(), model.versions());
            assertTrue(files(folder).stream().noneMatch(file -> file.toString().endsWith(".safetensors")));
            assertEquals(1, model.learn(samples).version());
            assertFalse(model.cancelLesson());
            assertEquals(classes, model.current().classNames().size());
        }
    }

    @Test
    void aModelIsTaughtByOneAtATime() throws Exception {
        Path folder = copy(taught);
        try (ContinualClassifier one = ContinualClassifier.open(folder);
                ContinualClassifier other = ContinualClassifier.open(folder)) {
            List<String> refusals = new ArrayList<>();
            Progress meanwhile = new Progress() {
                @Override
                public void computes(String engine, List<String> remarks) {
                    refusals.add(assertThrows(IOException.class, () -> other.rollBack(1))
                            .getMessage());
                }
            };
            one.rollBack(1);
            one.learn(digits(4, 5), Lesson.Options.DEFAULT.withProgress(meanwhile));
            assertEquals(1, refusals.size());
            assertTrue(refusals.getFirst().contains("is being taught by another process"), refusals.getFirst());
            other.rollBack(2); // sees what the other made
            assertEquals(5, other.versions().size());
        }
    }

    @Test
    void featuresOfAnotherLibraryAreLearntLikewise() throws IOException {
        Random random = new Random(1);
        try (ContinualClassifier model = ContinualClassifier.create(temporary.resolve("rows"), Setup.features(6))) {
            Lesson lesson = model.learn(Samples.ofFeatures(
                    vectors(random, 0, 60, 1, 60),
                    Stream.concat(names("a", 60), names("b", 60)).toList()));
            assertEquals(Lesson.Kind.REGISTERED, lesson.kind());
            assertEquals("features are computed elsewhere", lesson.reason());
            model.learn(Samples.ofFeatures(vectors(random, 2, 5), names("c", 5).toList()));
            int right = 0;
            for (int i = 0; i < 90; i++) {
                Prediction prediction = model.classifyFeatures(vectors(random, i % 3, 1)[0]);
                right += prediction.className().equals(List.of("a", "b", "c").get(i % 3)) ? 1 : 0;
            }
            assertTrue(right >= 80, right + " of 90 right");
            float[] far = new float[6];
            Arrays.fill(far, 1e3f);
            assertTrue(model.classifyFeatures(far).unknown());
            assertFalse(model.classifyFeatures(vectors(random, 0, 1)[0]).unknown());
            String refused = assertThrows(
                            IllegalArgumentException.class, () -> model.classifyFeatures(new float[] {1, 2}))
                    .getMessage();
            assertEquals(
                    "the model classifies vectors of 6 values, got vectors of 2 values: take them from"
                            + " the backbone that it learnt from",
                    refused);
            float[] nan = {0, 0, Float.NaN, 0, 0, 0};
            assertThrows(IllegalArgumentException.class, () -> model.classifyFeatures(nan));
            assertThrows(IllegalArgumentException.class, () -> Samples.ofFeatures(new float[][] {nan}, List.of("a")));
        }
    }

    /** Otherwise every lesson would read all classes again, as if another process had taught the model. */
    @Test
    void aManifestIsEqualToTheSameReadAgain() throws IOException {
        Manifest manifest = ManifestFile.read(taught);
        assertEquals(manifest, ManifestFile.read(taught));
        assertEquals(manifest.hashCode(), ManifestFile.read(taught).hashCode());
        assertNotEquals(manifest, manifest.at(2));
    }

    /** Of twenty lessons each changes a few accuracies, and those alone are written down. */
    @Test
    void everyVersionKnowsTheAccuracyOfAllItsClasses() throws IOException {
        Path folder = temporary.resolve("rows");
        Random random = new Random(2);
        List<Map<String, Double>> said = new ArrayList<>();
        try (ContinualClassifier model =
                ContinualClassifier.create(folder, Setup.features(6).withSharedClasses(2))) {
            for (int lesson = 0; lesson < 20; lesson++) {
                if (lesson == 12) {
                    model.forget("c3");
                    said.forEach(accuracies -> accuracies.remove("c3"));
                } else {
                    String name = "c" + (lesson < 15 ? lesson : lesson - 10);
                    float[][] vectors = vectors(random, lesson % 4, 30);
                    for (float[] vector : vectors) {
                        vector[5] += 3 * (lesson / 4);
                    }
                    model.learn(Samples.ofFeatures(vectors, names(name, 30).toList()));
                }
                Knowledge all = model.current().knowledge();
                said.add(new TreeMap<>(all.tested().accuracy()));
                if (lesson == 9) {
                    model.rollBack(7);
                }
            }
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            for (int v = 1; v <= 20; v++) {
                assertEquals(said.get(v - 1), model.version(v).accuracyByClass(), "version " + v);
                assertEquals(
                        model.version(v).classNames().size(),
                        model.version(v).accuracyByClass().size());
            }
        }
        Manifest manifest = ManifestFile.read(folder);
        int written = manifest.entries().stream()
                .mapToInt(entry -> entry.accuracy().size())
                .sum();
        int whole = said.stream().mapToInt(Map::size).sum();
        assertTrue(written < whole / 2, written + " of " + whole);
    }

    private static Stream<String> names(String name, int count) {
        return Stream.generate(() -> name).limit(count);
    }

    /** Clusters of unit variance, four apart. @param counted cluster, vectors, cluster, vectors, … */
    private static float[][] vectors(Random random, int... counted) {
        List<float[]> vectors = new ArrayList<>();
        for (int c = 0; c < counted.length; c += 2) {
            for (int i = 0; i < counted[c + 1]; i++) {
                float[] vector = new float[6];
                for (int d = 0; d < vector.length; d++) {
                    vector[d] = (float) random.nextGaussian() + (d % 3 == counted[c] ? 4 : 0);
                }
                vectors.add(vector);
            }
        }
        return vectors.toArray(float[][]::new);
    }

    @Test
    void foldersOfPicturesAreLearntAndPicturesClassified() throws IOException {
        Path photos = temporary.resolve("photos");
        Random random = new Random(2);
        for (String colour : List.of("red", "blue")) {
            Path folder = Files.createDirectories(photos.resolve(colour));
            for (int i = 0; i < 30; i++) {
                ImageIO.write(
                        picture(colour, random),
                        "png",
                        folder.resolve(i + ".png").toFile());
            }
        }
        Files.createDirectories(photos.resolve(".ipynb_checkpoints"));
        try (ContinualClassifier model = ContinualClassifier.create(
                temporary.resolve("model"), Setup.images(3, 12, 12).withEpochs(4))) {
            model.learn(Samples.ofFolder(photos, model.setup()));
            assertEquals(List.of("blue", "red"), model.current().classNames());
            assertEquals("red", model.classify(picture("red", random)).className());
            assertEquals("blue", model.classify(picture("blue", random)).className());
            Files.writeString(photos.resolve("red/damaged.png"), "no picture");
            String refused = assertThrows(RuntimeException.class, () -> Samples.ofFolder(photos, model.setup()))
                    .getMessage();
            assertTrue(refused.contains("damaged.png"), refused);
        }
    }

    private static BufferedImage picture(String colour, Random random) {
        BufferedImage picture = new BufferedImage(20, 16, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = picture.createGraphics();
        int shade = 120 + random.nextInt(120);
        graphics.setColor(colour.equals("red") ? new Color(shade, 20, 20) : new Color(20, 20, shade));
        graphics.fillRect(0, 0, 20, 16);
        for (int i = 0; i < 30; i++) {
            picture.setRGB(random.nextInt(20), random.nextInt(16), random.nextInt(1 << 24));
        }
        graphics.dispose();
        return picture;
    }

    @Test
    void whatCannotBeLearntIsRefusedWithASentence() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.create(temporary.resolve("new"), SETUP)) {
            assertThrows(IllegalStateException.class, model::current);
            assertEquals(List.of(), model.versions());
            refused("the first lesson must train", () -> model.learn(digits(3)));
            refused("it was asked to register", () -> model.learn(digits(0, 1), Lesson.Kind.REGISTERED));
            refused(
                    "learns from images of 1×8×8, got images of 1×4×4",
                    () -> model.learn(
                            Samples.of(Images.of(1, 4, 4, new byte[32], new int[] {0, 1}), List.of("a", "b"))));
            refused("pictures become square RGB images", () -> Samples.ofFolder(temporary, SETUP));
            refused(
                    "label 1, expected 0 to 0",
                    () -> Samples.of(Images.of(1, 8, 8, new byte[128], new int[] {0, 1}), List.of("a")));
        }
        try (ContinualClassifier model = ContinualClassifier.open(copy(taught))) {
            refused(
                    "this lesson cannot train: the model has its 3 snapshots",
                    () -> model.learn(digits(0, 1), Lesson.Kind.TRAINED));
            refused("there is no version 9: the model has 1 to 4", () -> model.version(9));
            refused("there is no version 0", () -> model.rollBack(0));
        }
        ContinualClassifier closed = ContinualClassifier.open(taught);
        Version version = closed.current();
        closed.close();
        closed.close();
        assertEquals(
                "this model is closed: open it again",
                assertThrows(IllegalStateException.class, () -> version.classify(DIGITS.test()))
                        .getMessage());
        assertThrows(IllegalStateException.class, () -> closed.classify(DIGITS.test()));
        assertThrows(IllegalStateException.class, () -> closed.learn(digits(1, 2)));
        assertTrue(assertThrows(IOException.class, () -> ContinualClassifier.create(taught, SETUP))
                .getMessage()
                .contains("is not empty"));
        assertTrue(assertThrows(IOException.class, () -> ContinualClassifier.open(temporary))
                .getMessage()
                .contains("holds no model"));
    }

    private interface Attempt {
        void run() throws IOException;
    }

    private static void refused(String part, Attempt attempt) {
        String sentence =
                assertThrows(IllegalArgumentException.class, attempt::run).getMessage();
        assertTrue(sentence.contains(part), sentence);
    }

    @Test
    void damageIsNamed() throws IOException {
        Path folder = copy(taught);
        Path statistics = folder.resolve("class-2-5.safetensors");
        byte[] bytes = Files.readAllBytes(statistics);
        Files.write(statistics, Arrays.copyOf(bytes, bytes.length / 2));
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            String sentence = assertThrows(UncheckedIOException.class, () -> model.classify(DIGITS.test()))
                    .getMessage();
            assertTrue(sentence.contains("class-2-5.safetensors"), sentence);
            assertEquals(SAID.getFirst(), model.version(1).classify(DIGITS.test()), "which reads none of it");
        }
        Files.writeString(
                folder.resolve("model.json"),
                Files.readString(folder.resolve("model.json")).replace("setup", "up"));
        String sentence = assertThrows(IOException.class, () -> ContinualClassifier.open(folder))
                .getMessage();
        assertTrue(sentence.contains("model.json is damaged"), sentence);
    }

    @Test
    void withNothingHeldOutNothingIsCalibrated() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.create(
                temporary.resolve("all"), SETUP.withHeldOut(0).withSnapshots(1))) {
            Lesson lesson = model.learn(digits(0, 1, 2));
            assertEquals(0, lesson.heldOut());
            assertTrue(lesson.newClassesAfter().isEmpty());
            assertTrue(model.current().calibrationError().isEmpty());
            assertTrue(model.current().accuracy().isEmpty());
            List<Prediction> predictions = model.classify(DIGITS.test());
            assertTrue(predictions.stream().noneMatch(Prediction::unknown));
            double right = right(predictions)
                    * DIGITS.test().size()
                    / IntStream.range(0, DIGITS.test().size())
                            .filter(i -> DIGITS.test().label(i) < 3)
                            .count();
            assertTrue(right > 0.95, "right on " + right);
            // A few images of a class that is not known yet are measured, not trained on.
            assertEquals(
                    "the model has its one snapshot",
                    model.learn(samples(Arrays.copyOf(indices(5), 1))).reason());
            assertEquals(List.of("0", "1", "2", "5"), model.current().classNames());
        }
    }

    @Test
    void aLessonOfFewImagesIsRegisteredWhereItCanBe() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.create(temporary.resolve("few"), SETUP)) {
            int[] two = IntStream.concat(
                            Arrays.stream(indices(0)).limit(10),
                            Arrays.stream(indices(1)).limit(10))
                    .toArray();
            assertEquals(Lesson.Kind.TRAINED, model.learn(samples(two)).kind(), "there is nothing to measure with yet");
            int[] next = IntStream.concat(
                            Arrays.stream(indices(2)).limit(10),
                            Arrays.stream(indices(3)).limit(10))
                    .toArray();
            Lesson lesson = model.learn(samples(next));
            assertEquals(Lesson.Kind.REGISTERED, lesson.kind());
            assertEquals("a class has fewer than 20 images", lesson.reason());
            assertEquals(
                    Lesson.Kind.TRAINED,
                    model.learn(samples(next), Lesson.Kind.TRAINED).kind());
        }
    }

    @Test
    void aRegisteredLessonFindsOutWhetherTrainingWouldHaveHelped() throws IOException {
        Path folder = copy(taught);
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            model.rollBack(2);
            Lesson.Options registered = Lesson.Options.DEFAULT.withKind(Lesson.Kind.REGISTERED);
            Lesson lesson = model.learn(digits(7, 8), registered.withTrial());
            Lesson.Trial trial = lesson.trial().orElseThrow();
            // Version 3 is what training on the same images came to.
            assertEquals(LESSONS.get(2).newClassesAfter(), trial.newClassesAfter());
            assertEquals(LESSONS.get(2).oldClassesAfter(), trial.oldClassesAfter());
            assertTrue(trial.seconds() > 0 && trial.seconds() <= lesson.seconds());
            assertTrue(files(folder).stream().noneMatch(file -> file.toString().contains("trial")));
            List<Prediction> tried = model.classify(DIGITS.test());
            model.rollBack(2);
            assertTrue(model.learn(digits(7, 8), registered).trial().isEmpty());
            assertEquals(model.classify(DIGITS.test()), tried, "the model is the same");
            Lesson one = model.learn(digits(9), registered.withTrial());
            assertTrue(one.trial().isEmpty());
            assertEquals(
                    List.of("whether training would have helped could not be found out, as a network learns by telling"
                            + " classes apart, and the lesson has one class"),
                    one.warnings());
        }
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            assertTrue(model.version(5).lesson().trial().isPresent(), "it stays with the version");
        }
    }

    @Test
    void aClassThatLosesMoreThanIsStatedIsWarnedOf() throws IOException {
        Random random = new Random(4);
        try (ContinualClassifier model = ContinualClassifier.create(temporary.resolve("rows"), Setup.features(6))) {
            model.learn(Samples.ofFeatures(
                    vectors(random, 0, 60, 1, 60),
                    Stream.concat(names("a", 60), names("b", 60)).toList()));
            Samples likeA =
                    Samples.ofFeatures(vectors(random, 0, 60), names("c", 60).toList());
            Lesson lesson = model.learn(likeA);
            assertEquals(1, lesson.warnings().size());
            assertTrue(
                    lesson.warnings()
                            .getFirst()
                            .matches("a: 100\\.0 % .* before the lesson, .* % are after it, a loss of more than 5\\.0"
                                    + " points"),
                    lesson.warnings().getFirst());
            model.rollBack(1);
            assertEquals(
                    List.of(),
                    model.learn(likeA, Lesson.Options.DEFAULT.withNotableLoss(1))
                            .warnings());
            assertThrows(IllegalArgumentException.class, () -> Lesson.Options.DEFAULT.withNotableLoss(5));
        }
    }

    @Test
    void theScoreIsTheDistanceInUnitsOfWhatIsNotUnknown() {
        for (Prediction prediction : SAID.getFirst()) {
            assertEquals(prediction.unknown(), prediction.score() > 1);
            assertEquals(
                    prediction.score() / SAID.getFirst().getFirst().score(),
                    prediction.distance() / SAID.getFirst().getFirst().distance(),
                    1e-9 * prediction.score());
        }
    }

    @Test
    void samplesThatComeOneAfterAnotherAreTheSame() throws IOException {
        Random random = new Random(5);
        List<BufferedImage> pictures = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            names.add(i % 3 == 0 ? "red" : "blue");
            pictures.add(picture(names.getLast(), random));
        }
        Setup setup = Setup.images(3, 12, 12).withEpochs(1);
        Samples together = Samples.of(pictures, names, setup);
        Samples apart = Samples.of(
                IntStream.range(0, 300)
                        .mapToObj(i -> Map.entry(names.get(i), pictures.get(i)))
                        .iterator(),
                setup);
        assertEquals(together.classNames(), apart.classNames());
        List<List<Prediction>> said = new ArrayList<>();
        for (Samples samples : List.of(together, apart)) {
            try (ContinualClassifier model =
                    ContinualClassifier.create(temporary.resolve("model" + said.size()), setup)) {
                model.learn(samples);
                said.add(List.of(model.classify(pictures.get(0)), model.classify(pictures.get(1))));
            }
        }
        assertEquals(said.get(0), said.get(1));
        float[][] rows = vectors(random, 0, 4, 1, 4);
        Samples vectors = Samples.ofFeatures(
                Arrays.stream(rows).map(row -> Map.entry("a", row)).iterator());
        assertEquals(8, vectors.size());
        assertEquals(rows[5], vectors.features(new int[] {5})[0]);
        assertThrows(
                IllegalArgumentException.class,
                () -> Samples.of(List.<Map.Entry<String, BufferedImage>>of().iterator(), setup));
        assertThrows(
                IllegalArgumentException.class,
                () -> Samples.ofFeatures(List.<Map.Entry<String, float[]>>of().iterator()));
    }

    /** Every lesson registers, and images are seen as the weights' origin normalised its own. */
    @Test
    void weightsThatCameTrainedAreNotTrainedOn() throws IOException {
        Setup setup = Setup.images(3, 32, 32).withNetwork(Setup.Network.RESNET_18);
        Path weights = temporary.resolve("resnet18.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            Network network = setup.architecture(setup.input()).create(arena, 3);
            network.grow(1000);
            SafetensorsWriter to = new SafetensorsWriter();
            StateDict.write(network, Weights.of(network), to);
            assertTrue(to.contains("layer4.1.bn2.running_var") && to.contains("fc.bias"), "torchvision's names");
            AtomicFile.write(weights, to::writeTo);
        }
        Path folder = temporary.resolve("model");
        Random random = new Random(6);
        List<String> names = List.of("red", "blue", "red", "blue", "red", "blue", "red", "blue");
        try (ContinualClassifier model = ContinualClassifier.create(folder, setup.withPretrained(weights))) {
            Files.delete(weights);
            Lesson lesson = model.learn(
                    Samples.of(names.stream().map(name -> picture(name, random)).toList(), names, model.setup()));
            assertEquals(Lesson.Kind.REGISTERED, lesson.kind());
            assertEquals(
                    "the weights came trained; images are normalised by ImageNet's mean and standard deviation, as"
                            + " they expect",
                    lesson.reason());
            assertEquals("red", model.classify(picture("red", random)).className());
            assertEquals("blue", model.classify(picture("blue", random)).className());
        }
        String manifest = Files.readString(folder.resolve("model.json"));
        // 255 · (0.485, 0.456, 0.406) and 255 · (0.229, 0.224, 0.225)
        for (String number : List.of("123.675", "116.28", "103.53", "58.395", "57.12", "57.375")) {
            assertTrue(manifest.contains(number), manifest);
        }
    }

    @Test
    void otherSeedsGiveOtherModels() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.create(temporary.resolve("two"), SETUP.withSeed(2))) {
            model.learn(digits(0, 1, 2, 3));
            assertNotEquals(SAID.getFirst(), model.classify(DIGITS.test()));
        }
    }

    private static double right(List<Prediction> predictions) {
        return IntStream.range(0, predictions.size())
                .mapToDouble(i -> predictions
                                .get(i)
                                .className()
                                .equals(Integer.toString(DIGITS.test().label(i)))
                        ? 1
                        : 0)
                .average()
                .orElseThrow();
    }

    private static Samples digits(int... classes) {
        return samples(
                IntStream.of(classes).flatMap(c -> Arrays.stream(indices(c))).toArray());
    }

    private static int[] indices(int digit) {
        return IntStream.range(0, DIGITS.train().size())
                .filter(i -> DIGITS.train().label(i) == digit)
                .toArray();
    }

    private static Samples samples(int[] indices) {
        byte[] pixels = new byte[64 * indices.length];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) DIGITS.train().pixel(indices[i / 64], 0, i % 64 / 8, i % 8);
        }
        int[] labels = IntStream.of(indices).map(DIGITS.train()::label).toArray();
        return Samples.of(
                Images.of(1, 8, 8, pixels, labels),
                IntStream.range(0, 10).mapToObj(Integer::toString).toList());
    }

    private Path copy(Path folder) throws IOException {
        Path copy = Files.createDirectory(temporary.resolve("copy"));
        for (Path file : files(folder)) {
            Files.copy(file, copy.resolve(file.getFileName()));
        }
        return copy;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }
}
