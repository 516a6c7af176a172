package dev.palimpsest.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.tensor.Mutants;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.SmallRun;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints with wrong bits, and checkpoints that are what was written and still make no sense. */
class DamagedCheckpointTest {
    private static final int FLIPS = 600;

    @TempDir
    private static Path folder;

    private static Engine engine;
    /** One image of every class. */
    private static Dataset images;

    @BeforeAll
    static void open() {
        engine = Engines.cpu(1);
        byte[] pixels = new byte[10 * 64];
        new Random(1).nextBytes(pixels);
        int[] labels = new int[10];
        for (int i = 0; i < 10; i++) {
            labels[i] = i;
        }
        Images ten = Images.of(1, 8, 8, pixels, labels);
        images = new Dataset(
                "ten", Dataset.load("digits", Optional.empty()).classNames(), ten, ten, new TreeMap<>(), "none");
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    /** The last checkpoint of a run with these options and its networks. */
    private record Written(Path file, Recipe recipe) {
        static Written of(String options) {
            Path kept = folder.resolve(options.replaceAll("[^a-z]", ""));
            Recipe recipe = SmallRun.recipe(("split=4+6 exemplars=2 validation=0.8 " + options).split(" "));
            if (!Files.exists(kept)) {
                kept.toFile().mkdir();
                Runs.run(recipe, SavedModelTest.keeping(kept));
            }
            return new Written(kept.resolve("2"), recipe);
        }

        /** Scores the latest model and the first snapshot of a file, as eval does. */
        void use(Path path) throws IOException {
            try (SavedModel model = new SavedModel(Checkpoint.read(path), recipe.networks())) {
                model.score(images, ImagePart.TEST, OptionalInt.empty(), engine);
                if (model.snapshots() > 0) {
                    model.score(images, ImagePart.TEST, OptionalInt.of(1), engine);
                    model.export(OptionalInt.of(1));
                }
            }
        }

        String refusal(SafetensorsWriter changed) throws IOException {
            Path path = folder.resolve("changed");
            Files.deleteIfExists(path);
            write(changed, path);
            String message = assertThrows(IOException.class, () -> use(path)).getMessage();
            assertTrue(message.startsWith(path + " is damaged: "), message);
            assertTrue(message.endsWith("; restore the file from a copy, or train again"), message);
            assertEquals(1, message.lines().count(), message);
            return message;
        }
    }

    private static void write(SafetensorsWriter content, Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            content.writeTo(channel);
        }
    }

    @Test
    void everyFlippedBitIsRefused() throws IOException {
        Written written = Written.of("method=m2kd classifier=nearest-mean");
        byte[] whole = Files.readAllBytes(written.file);
        written.use(written.file);
        Path damaged = folder.resolve("damaged");
        Random random = new Random(598);
        for (int flip = 0; flip < FLIPS; flip++) {
            int bit = random.nextInt(8 * whole.length);
            byte[] bytes = whole.clone();
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(damaged, bytes);
            String message = assertThrows(IOException.class, () -> Checkpoint.read(damaged), "bit " + bit)
                    .getMessage();
            assertTrue(message.startsWith(damaged + " is not a usable safetensors file: it "), message);
        }
    }

    /** With right checksums: what a program that means no harm, or some, may write. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "method=m2kd classifier=nearest-mean",
                "method=m2kd prune=false classifier=refit",
                "method=lwf classifier=gaussian"
            })
    void mutantsAreSentencesOrModels(String options) throws IOException {
        Written written = Written.of(options);
        Safetensors whole = Safetensors.read(written.file);
        written.use(written.file);
        Random random = new Random(40);
        Path path = folder.resolve("mutant");
        int refused = 0;
        for (int i = 0; i < 400; i++) {
            Files.deleteIfExists(path);
            write(Mutants.of(whole, random), path);
            try {
                written.use(path);
            } catch (IOException e) {
                refused++;
                assertTrue(e.getMessage().startsWith(path.toString()), e.getMessage());
                assertFalse(e.getMessage().contains("null"), e.getMessage());
            } catch (IllegalArgumentException e) {
                // A mutant may say of itself that it is an ensemble's part, which cannot be read back, or that it
                // learnt
                // from images of another size than the ones it is asked about.
                assertTrue(
                        Stream.of("The run classified with an ensemble", "The images of ")
                                .anyMatch(e.getMessage()::startsWith),
                        e.toString());
            }
        }
        assertTrue(refused > 200, refused + " refused");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "class_ends; 4,4000; class_ends are 4,4000, expected at most 10",
                "class_ends; 4,x; class_ends are 4,x, expected whole numbers",
                "class_ends; 4; accuracies of 2 experiences and classes of 1",
                "class_ends; 4,3; classes [4, 3) are not a range",
                "image; 2000000000; image are 2000000000, expected channels, height and width",
                "image; 2000000000,1,1; images of 2000000000×1×1 are normalised by 1 means",
                "snapshot_count; 2000000000; has tensors of 2 snapshots, expected 2000000000",
                "snapshot_count; 1; has tensors of more snapshots than 1",
                "snapshot_count; -1; expected -1",
                "snapshots; half; form 'half', expected packed or full",
                "option.classifier; none; classifier = none"
            })
    void metadataThatMakeNoSenseAreNamed(String key, String value, String found) throws IOException {
        Written written = Written.of("method=m2kd classifier=nearest-mean");
        SafetensorsWriter changed = Mutants.copy(Safetensors.read(written.file));
        changed.metadata(key, value);
        String message = written.refusal(changed);
        assertTrue(message.contains(found), message);
    }

    /** A network of thousands of channels is described; nothing is allocated for it. */
    @Test
    void aNetworkThatTheFileDoesNotHoldTakesNoMemory() throws IOException {
        Written small = Written.of("method=m2kd classifier=nearest-mean");
        Recipe huge = SmallRun.recipe("widths=4,8,100000000");
        String message = new Written(small.file, huge).refusal(Mutants.copy(Safetensors.read(small.file)));
        assertTrue(message.contains("described is larger than what the file holds of one"), message);
    }

    @ParameterizedTest
    @CsvSource({
        "network.bn1.running_mean, network.bn1.running_mean is 1",
        "network.fc.weight, network.fc.weight is 1",
        "snapshot.1.bn1.running_var, snapshot.1.bn1.running_var is 1",
        "snapshot.2.fc.bias, snapshot.2.fc.bias is 1",
        "owners.stage2.conv.weight, owners.stage2.conv.weight",
        "classifier.1.class_means, classifier.1.class_means of 1 is no matrix"
    })
    void aShapeOfItsOwnIsNamed(String tensor, String found) throws IOException {
        Written written = Written.of("method=m2kd classifier=nearest-mean");
        Safetensors whole = Safetensors.read(written.file);
        Safetensors.Tensor old = whole.tensor(tensor);
        String message = written.refusal(Mutants.copy(
                whole,
                Map.of(
                        tensor,
                        new Safetensors.Tensor(
                                old.type(),
                                Shape.of(1),
                                old.data().asSlice(0, old.type().bytes())))));
        assertTrue(message.contains(found), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"network.conv1.weight", "network.bn1.running_var", "snapshot.1.fc.weight"})
    void valuesThatNoTrainingLeavesNameTheTensor(String tensor) throws IOException {
        Written written = Written.of("method=m2kd classifier=nearest-mean");
        Safetensors whole = Safetensors.read(written.file);
        float[] values = whole.floats(tensor);
        values[1] = Float.NaN;
        String message = written.refusal(Mutants.copy(
                whole,
                Map.of(
                        tensor,
                        new Safetensors.Tensor(
                                Safetensors.Type.F32, whole.shape(tensor), MemorySegment.ofArray(values)))));
        assertTrue(message.contains("tensor " + tensor + " holds NaN at place 1 of " + values.length), message);
    }
}
