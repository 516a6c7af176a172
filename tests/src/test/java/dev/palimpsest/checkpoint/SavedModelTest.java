package dev.palimpsest.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.method.Watched;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.SmallRun;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SavedModelTest {
    private static final Dataset DIGITS = Dataset.load("digits", Optional.empty());

    @TempDir
    private Path temporary;

    /** Of the latest run. */
    private Recipe recipe;

    private static SavedModel read(Path path) throws IOException {
        Checkpoint checkpoint = Checkpoint.read(path);
        return new SavedModel(checkpoint, Recipe.of(checkpoint.options()).networks());
    }

    /** Digits as the run's own stream, anything else by the names of classes. */
    private Scores score(SavedModel model, Dataset images, ImagePart part, OptionalInt snapshot) throws IOException {
        try (Engine engine = Engines.cpu(recipe.threads())) {
            return images == DIGITS
                    ? model.score(recipe.stream(DIGITS), part, snapshot, engine)
                    : model.score(images, part, snapshot, engine);
        }
    }

    /** Runs and keeps the checkpoint after every experience, in files 1, 2, … */
    private Result run(String options) {
        recipe = SmallRun.recipe(("validation=0.8 " + options).split(" "));
        return Runs.run(recipe, keeping(temporary));
    }

    static Progress keeping(Path folder) {
        return new Progress() {
            private int experiences;

            @Override
            public void checkpoint(Supplier<SafetensorsWriter> state) {
                Path file = folder.resolve(Integer.toString(++experiences));
                write(state.get(), file);
            }
        };
    }

    private static void write(SafetensorsWriter content, Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            content.writeTo(channel);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void theAreaUnderTheCurveIsTheShareOfPairsInTheRightOrder() {
        Random random = new Random(3);
        // Whole numbers, so that many are equal.
        double[] known =
                random.doubles(211).map(value -> Math.floor(12 * value) + 3).toArray();
        double[] others =
                random.doubles(97).map(value -> Math.floor(12 * value)).toArray();
        others[5] = Double.NEGATIVE_INFINITY;
        double pairs = 0;
        for (double one : known) {
            for (double other : others) {
                pairs += one > other ? 1 : one == other ? 0.5 : 0;
            }
        }
        double expected = pairs / (211 * 97);
        assertEquals(expected, new Scores(List.of(), new TreeMap<>(), known).auroc(others), 1e-12);
        assertEquals(1 - expected, new Scores(List.of(), new TreeMap<>(), others).auroc(known), 1e-12);
        assertTrue(expected > 0.6 && expected < 0.9, "says nothing of the order: " + expected);
    }

    @Test
    void imagesOfClassesThatWereNotLearntAreUnknownAndTheirHighestScoresTheClassifiers() throws IOException {
        run("method=m2kd split=4+3x2 epochs=3 validation=0.2");
        try (SavedModel model = read(temporary.resolve("4"));
                Engine engine = Engines.cpu(1)) {
            Scores scores = score(model, DIGITS, ImagePart.TEST, OptionalInt.of(1));
            int learnt = scores.all().images();
            assertEquals(learnt, scores.highest().length);
            double[] unknown = model.unknown(DIGITS, OptionalInt.of(1), engine);
            List<String> first = scores.all().classes();
            assertEquals(
                    IntStream.range(0, DIGITS.train().size())
                                    .filter(i -> !first.contains(DIGITS.classNames()
                                            .get(DIGITS.train().label(i))))
                                    .count()
                            + DIGITS.test().size()
                            - learnt,
                    unknown.length);
            double area = scores.auroc(unknown);
            assertTrue(area > 0.55 && area < 1, "area " + area);
            assertEquals(
                    "The model has learnt all classes of digits: what is to be unknown to it needs others, as those of"
                            + " glyphs-distractors.",
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> model.unknown(DIGITS, OptionalInt.empty(), engine))
                            .getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "method=m2kd split=4+3x2",
                "method=m2kd split=4+3x2 prune=false",
                "method=m2kd split=4+6 exemplars=0",
                "method=m2kd split=4+6 network=resnet-18 stem=cifar widths=4,4,6,6 threads=2",
                "method=m2kd split=4+6 classifier=nearest-mean",
                "method=m2kd split=4+6 classifier=refit",
                "method=lwf split=4+6 classifier=weight-alignment",
                "method=icarl split=4+6",
                "method=lwf split=4+6 evaluate=validation",
                "method=fine-tuning split=4+6",
                "method=joint split=4+6"
            })
    void everyModelScoresAsItDidInTheRun(String options) throws IOException {
        Result result = run(options);
        int experiences = result.accuracy().experiences();
        ImagePart part = options.contains("evaluate=validation") ? ImagePart.VALIDATION : ImagePart.TEST;
        for (int e = 1; e <= experiences; e++) {
            try (SavedModel model = read(temporary.resolve(Integer.toString(e)))) {
                assertEquals(e, model.experiences());
                assertEquals(options.contains("m2kd") ? e : 0, model.snapshots());
                assertRow(result, e - 1, score(model, DIGITS, part, OptionalInt.empty()));
                for (int s = 1; s <= model.snapshots(); s++) {
                    assertRow(result, s - 1, score(model, DIGITS, part, OptionalInt.of(s)));
                }
            }
        }
    }

    private static void assertRow(Result result, int row, Scores scores) {
        assertEquals(row + 1, scores.groups().size());
        for (int j = 0; j <= row; j++) {
            assertEquals(
                    result.accuracy().right(row, j),
                    scores.groups().get(j).right(),
                    "experience " + j + " after " + row);
            assertEquals(
                    result.withinExperience().right(row, j),
                    scores.groups().get(j).rightWithin());
            assertEquals(result.accuracy().at(row, j), scores.groups().get(j).accuracy());
        }
        assertEquals(result.accuracy().allSeen(row), scores.all().accuracy());
        assertEquals(result.withinExperience().allSeen(row), scores.all().withinExperience());
        assertTrue(scores.all().right() > 0, "something is right");
    }

    /**
     * The same images under another name, with other numbers for the same classes, other statistics, and an unknown
     * class between.
     */
    @Test
    void classesAreMatchedByNameAndPixelsNormalisedAsInTraining() throws IOException {
        Result result = run("method=m2kd split=4+6");
        List<String> names = new ArrayList<>(DIGITS.classNames().reversed());
        names.add(3, "none of them");
        int[] labels = new int[DIGITS.test().size()];
        byte[] pixels = new byte[labels.length * 64];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = names.indexOf(DIGITS.classNames().get(DIGITS.test().label(i)));
            for (int p = 0; p < 64; p++) {
                pixels[i * 64 + p] = (byte) DIGITS.test().pixel(i, 0, p / 8, p % 8);
            }
        }
        Images images =
                Images.of(1, 8, 8, pixels, labels).normalisedBy(new Normalisation(new double[] {90}, new double[] {3}));
        Dataset other = new Dataset("other", names, images, images, new TreeMap<>(), "none");
        try (SavedModel model = read(temporary.resolve("2"))) {
            assertRow(result, 1, score(model, other, ImagePart.TEST, OptionalInt.empty()));
            Scores first = score(model, other, ImagePart.TRAIN, OptionalInt.of(1));
            assertRow(result, 0, first);
            int leftOut = first.leftOut().values().stream()
                    .mapToInt(Integer::intValue)
                    .sum();
            assertEquals(labels.length, leftOut + first.all().images());
            assertEquals(6, first.leftOut().size(), "classes of the second experience");
            refused(
                    "Validation images are those of the run's own data that were held out of training: choose test or"
                            + " training images of other.",
                    () -> score(model, other, ImagePart.VALIDATION, OptionalInt.empty()));
        }
    }

    @Test
    void imagesOfClassesThatTheRunDoesNotKnowAreCountedByName() throws IOException {
        run("method=m2kd split=4+6");
        List<String> names = new ArrayList<>(DIGITS.classNames());
        names.set(7, "Seven");
        Dataset renamed = new Dataset("renamed", names, DIGITS.train(), DIGITS.test(), new TreeMap<>(), "none");
        int sevens = 0;
        for (int i = 0; i < DIGITS.test().size(); i++) {
            sevens += DIGITS.test().label(i) == 7 ? 1 : 0;
        }
        try (SavedModel model = read(temporary.resolve("2"))) {
            Scores scores = score(model, renamed, ImagePart.TEST, OptionalInt.empty());
            assertEquals(Map.of("Seven", sevens), scores.leftOut());
            assertEquals(DIGITS.test().size() - sevens, scores.all().images());
        }
    }

    @Test
    void whatDoesNotFitIsOneSentence() throws IOException {
        run("method=m2kd split=4+6");
        try (SavedModel model = read(temporary.resolve("2"))) {
            refused(
                    "There is no snapshot 3: the run has 1 to 2.",
                    () -> score(model, DIGITS, ImagePart.TEST, OptionalInt.of(3)));
            refused(
                    "The images of big are 1×9×9, the run's are 1×8×8: the network needs images of the size that it"
                            + " learnt from.",
                    () -> score(model, blank("big", 9, "0"), ImagePart.TEST, OptionalInt.empty()));
            refused(
                    "No class of cats has the name of a class of the run: tabby, tom against ",
                    () -> score(model, blank("cats", 8, "tabby", "tom"), ImagePart.TEST, OptionalInt.empty()));
        }
        Path none = Files.writeString(temporary.resolve("none"), "no");
        assertTrue(assertThrows(IOException.class, () -> read(none))
                .getMessage()
                .contains("is not a usable safetensors file"));
        Path plain = temporary.resolve("plain");
        write(new SafetensorsWriter(), plain);
        assertEquals(
                plain
                        + " is not a checkpoint of a run: expected palimpsest_checkpoint 3 in its header, found none;"
                        + " give the checkpoint of a run",
                assertThrows(IOException.class, () -> read(plain)).getMessage());
    }

    @Test
    void aMethodWithoutSnapshotsHasOnlyItsLatestModel() throws IOException {
        run("method=fine-tuning split=4+6");
        try (SavedModel model = read(temporary.resolve("2"))) {
            refused(
                    "There is no snapshot 1: the run has none, as its method fine-tuning keeps none.",
                    () -> score(model, DIGITS, ImagePart.TEST, OptionalInt.of(1)));
        }
    }

    /** A baseline of MLKD has no teacher to be an ensemble with, so it can be evaluated. */
    @ParameterizedTest
    @ValueSource(strings = {"mlkd", "mlkd-alone"})
    void anEnsembleIsNotEvaluatedByItsOneKeptNetwork(String method) throws IOException {
        run("method=" + method + " ensemble=true split=4+6 epochs=1 unlabelled-batch=8");
        assertEquals(
                "The run classified with an ensemble, of which it kept one network: train with ensemble = false to"
                        + " evaluate it again.",
                assertThrows(IllegalArgumentException.class, () -> read(temporary.resolve("2")))
                        .getMessage());
        Files.delete(temporary.resolve("1"));
        Files.delete(temporary.resolve("2"));
        Result result = run("method=mlkd-baseline ensemble=true split=4+6 epochs=1");
        try (SavedModel model = read(temporary.resolve("2"))) {
            assertRow(result, 1, score(model, DIGITS, ImagePart.TEST, OptionalInt.empty()));
        }
    }

    /** What a run with the option {@code weights} holds before it trains. */
    private static final class Start extends Watched {
        private SafetensorsWriter found;

        Start(Recipe recipe) {
            super(recipe.newMethod());
        }

        @Override
        protected void begun(Learner learner, Experience experience) {
            if (found == null) {
                found = new SafetensorsWriter();
                StateDict.write(learner.network(), Weights.of(learner.network()), found);
            }
        }
    }

    @Test
    void aRunStartsFromExportedWeights() throws IOException {
        run("method=m2kd split=4+6");
        Path file = temporary.resolve("exported");
        try (SavedModel model = read(temporary.resolve("2"))) {
            write(model.export(OptionalInt.of(1)), file);
        }
        Safetensors exported = Safetensors.read(file);
        assertEquals(Shape.of(4, 8), exported.shape("fc.weight"), "the snapshot knew four classes");
        assertEquals(4, exported.metadata().get("classes").lines().count());
        recipe = SmallRun.recipe("split=3+7", "validation=0.8", "weights=" + file, "seed=9");
        Start start = new Start(recipe);
        Path begun = temporary.resolve("begun");
        String[] hash = new String[1];
        Runs.run(recipe, start, new Progress() {
            @Override
            public void begins(Setup setup) {
                hash[0] = setup.dataSha256().get("exported");
            }

            @Override
            public void phaseBegins(Phase phase) {
                if (!Files.exists(begun)) {
                    write(start.found, begun);
                }
            }
        });
        Safetensors found = Safetensors.read(begun);
        assertEquals(exported.names(), found.names());
        for (String name : exported.names()) {
            if (name.startsWith("fc.")) {
                assertEquals(3, found.shape(name).extent(0), "a head of its own");
            } else {
                assertArrayEquals(bits(exported.floats(name)), bits(found.floats(name)), name);
            }
        }
        assertTrue(hash[0].matches("[0-9a-f]{64}"), hash[0]);
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    @Test
    void weightsThatCannotBeReadAreOneSentence() throws IOException {
        Path file = temporary.resolve("none");
        refused(
                "weights = " + file + ": there is no such file; check its name, or restore it from a copy",
                () -> SmallRun.run("weights=" + file));
        Files.writeString(file, "no");
        refused(
                "weights = " + file + " is not a usable safetensors file: it has 2 bytes",
                () -> SmallRun.run("weights=" + file));
    }

    private static Dataset blank(String name, int side, String... classes) {
        Images images = Images.of(1, side, side, new byte[side * side], new int[1]);
        return new Dataset(name, List.of(classes), images, images, new TreeMap<>(), "none");
    }

    private static void refused(String beginning, Executable use) {
        String message = assertThrows(IllegalArgumentException.class, use).getMessage();
        assertTrue(message.startsWith(beginning), message);
    }
}
