package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.method.Methods;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SavedModelTest {
    private static final Dataset DIGITS = Dataset.load("digits", Optional.empty());

    @TempDir
    private Path temporary;

    /** Runs and keeps the checkpoint after every experience, in files 1, 2, … */
    private Result run(String options) {
        Recipe recipe = Methods.settled(SmallRun.recipe(options.split(" ")));
        return Experiment.run(recipe, Methods.of(recipe), keeping(temporary));
    }

    static Progress keeping(Path folder) {
        return new Progress() {
            private int experiences;

            @Override
            public void checkpoint(Supplier<SafetensorsWriter> state) {
                Path file = folder.resolve(Integer.toString(++experiences));
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    state.get().writeTo(channel);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"method=m2kd split=4+3x2", "method=m2kd split=4+3x2 prune=false", "method=m2kd split=4+3x2 exemplars=0",
        "method=m2kd split=4+3x2 network=cifar-resnet threads=2", "method=m2kd split=4+3x2 classifier=nearest-mean exemplars=4",
        "method=lwf split=4+6 evaluate=validation", "method=fine-tuning split=4+6 classifier=nearest-mean", "method=joint split=4+6", "method=icarl split=4+6",
        "method=m2kd split=4+6 classifier=refit", "method=lwf split=4+6 classifier=weight-alignment"})
    void everyModelScoresAsItDidInTheRun(String options) throws IOException {
        Result result = run(options);
        int experiences = result.accuracy().experiences();
        SavedModel.Part part = options.contains("evaluate=validation") ? SavedModel.Part.VALIDATION : SavedModel.Part.TEST;
        for (int e = 1; e <= experiences; e++) {
            try (SavedModel model = SavedModel.read(temporary.resolve(Integer.toString(e)))) {
                assertEquals(e, model.experiences());
                assertEquals(options.contains("m2kd") ? e : 0, model.snapshots());
                assertRow(result, e - 1, model.score(DIGITS, part, OptionalInt.empty()));
                for (int s = 1; s <= model.snapshots(); s++) {
                    assertRow(result, s - 1, model.score(DIGITS, part, OptionalInt.of(s)));
                }
            }
        }
    }

    private static void assertRow(Result result, int row, SavedModel.Scores scores) {
        assertEquals(row + 1, scores.groups().size());
        for (int j = 0; j <= row; j++) {
            assertEquals(result.accuracy().right(row, j), scores.groups().get(j).right(), "experience " + j + " after " + row);
            assertEquals(result.withinExperience().right(row, j), scores.groups().get(j).rightWithin());
            assertEquals(result.accuracy().at(row, j), scores.groups().get(j).accuracy());
        }
        assertEquals(result.accuracy().allSeen(row), scores.all().accuracy());
        assertEquals(result.withinExperience().allSeen(row), scores.all().withinExperience());
        assertTrue(scores.all().right() > 0, "something is right");
    }

    /** The same images under another name, with other numbers for the same classes, other statistics, and an unknown class between. */
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
        Images images = new Images(1, 8, 8, pixels, labels, new Normalisation(new double[] {90}, new double[] {3}));
        Dataset other = new Dataset("other", names, images, images, new TreeMap<>(), "none");
        try (SavedModel model = SavedModel.read(temporary.resolve("2"))) {
            assertRow(result, 1, model.score(other, SavedModel.Part.TEST, OptionalInt.empty()));
            SavedModel.Scores first = model.score(other, SavedModel.Part.TRAIN, OptionalInt.of(1));
            assertRow(result, 0, first);
            assertEquals(labels.length, first.leftOut() + first.all().images());
            refused("Validation images are those of the run's own data, digits, that were held out of training: choose --split test or "
                    + "train for other.", () -> model.score(other, SavedModel.Part.VALIDATION, OptionalInt.empty()));
        }
    }

    @Test
    void whatDoesNotFitIsOneSentence() throws IOException {
        run("method=m2kd split=4+6");
        try (SavedModel model = SavedModel.read(temporary.resolve("2"))) {
            refused("There is no snapshot 3: the run has 1 to 2.", () -> model.score(DIGITS, SavedModel.Part.TEST, OptionalInt.of(3)));
            refused("The images of big are 1×9×9, the run's are 1×8×8: the network needs images of the size that it learnt from.",
                    () -> model.score(blank("big", 9, "0"), SavedModel.Part.TEST, OptionalInt.empty()));
            refused("No class of cats has the name of a class of the run: tabby, tom against ",
                    () -> model.score(blank("cats", 8, "tabby", "tom"), SavedModel.Part.TEST, OptionalInt.empty()));
        }
        Path none = Files.writeString(temporary.resolve("none"), "no");
        assertTrue(assertThrows(IOException.class, () -> SavedModel.read(none)).getMessage().contains("is not a usable safetensors file"));
        Path plain = temporary.resolve("plain");
        try (FileChannel channel = FileChannel.open(plain, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            new SafetensorsWriter().writeTo(channel);
        }
        assertEquals(plain + " is not a checkpoint of a run: expected palimpsest_checkpoint 1 in its header, found none",
                assertThrows(IOException.class, () -> SavedModel.read(plain)).getMessage());
    }

    @Test
    void aMethodWithoutSnapshotsHasOnlyItsLatestModel() throws IOException {
        run("method=fine-tuning split=4+6");
        try (SavedModel model = SavedModel.read(temporary.resolve("2"))) {
            refused("There is no snapshot 1: the run has none, as its method fine-tuning keeps none.",
                    () -> model.score(DIGITS, SavedModel.Part.TEST, OptionalInt.of(1)));
        }
    }

    private static Dataset blank(String name, int side, String... classes) {
        Images images = Images.training(1, side, side, new byte[side * side], new int[1]);
        return new Dataset(name, List.of(classes), images, images, new TreeMap<>(), "none");
    }

    private static void refused(String beginning, Runnable use) {
        String message = assertThrows(IllegalArgumentException.class, use::run).getMessage();
        assertTrue(message.startsWith(beginning), message);
    }
}
