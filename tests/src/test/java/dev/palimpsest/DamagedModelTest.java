package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.Checksum;
import dev.palimpsest.tensor.Mutants;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models with wrong bits, and models whose files are what was written and still make no sense. */
class DamagedModelTest {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final Images DIGITS =
            Dataset.load("digits", Optional.empty()).test();
    private static final String MANIFEST = "model.json";
    private static final int FLIPS = 600;
    private static final int MUTANTS = 300;
    private static final int CLASSIFIED = 20;

    @TempDir
    private static Path temporary;

    private static Path whole;
    private static Images few;
    private static List<Prediction> predictions;
    private Path folder;

    /** Two lessons: one that trains and one that registers; every file is read by the current version. */
    @BeforeAll
    static void teach() throws IOException {
        whole = temporary.resolve("whole");
        few = images(IntStream.range(0, CLASSIFIED).toArray());
        try (ContinualClassifier model = ContinualClassifier.create(
                whole, Setup.images(1, 8, 8).withSnapshots(1).withEpochs(1))) {
            model.learn(digits(0, 1, 2));
            model.learn(digits(3, 4));
            predictions = model.classify(few);
        }
    }

    private static Samples digits(int... classes) {
        List<Integer> wanted = IntStream.of(classes).boxed().toList();
        return Samples.of(
                images(IntStream.range(0, DIGITS.size())
                        .filter(i -> wanted.contains(DIGITS.label(i)))
                        .toArray()),
                IntStream.range(0, 10).mapToObj(String::valueOf).toList());
    }

    private static Images images(int[] chosen) {
        byte[] pixels = new byte[chosen.length * 64];
        int[] labels = new int[chosen.length];
        for (int i = 0; i < chosen.length; i++) {
            labels[i] = DIGITS.label(chosen[i]);
            for (int p = 0; p < 64; p++) {
                pixels[i * 64 + p] = (byte) DIGITS.pixel(chosen[i], 0, p / 8, p % 8);
            }
        }
        return Images.of(1, 8, 8, pixels, labels);
    }

    @BeforeEach
    void copy() throws IOException {
        folder = temporary.resolve("copy");
        Files.createDirectories(folder);
        try (Stream<Path> files = Files.list(whole)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private List<Prediction> use() throws IOException {
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            return model.classify(few);
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(whole)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals("lock"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void everyFlippedBitIsRefused() throws IOException {
        assertEquals(predictions, use());
        assertEquals(7, files().size(), "a manifest, a snapshot, five classes");
        Random random = new Random(598);
        for (int flip = 0; flip < FLIPS; flip++) {
            String name = files().get(flip % files().size());
            Path file = folder.resolve(name);
            byte[] bytes = Files.readAllBytes(whole.resolve(name));
            int bit = random.nextInt(8 * bytes.length);
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(file, bytes);
            String message = assertThrows(IOException.class, this::use, name + " bit " + bit)
                    .getMessage();
            assertTrue(message.startsWith(file + " is "), message);
            Files.copy(whole.resolve(name), file, StandardCopyOption.REPLACE_EXISTING);
        }
        assertEquals(predictions, use());
    }

    @Test
    void aWholeFileInTheWrongPlaceIsRefused() throws IOException {
        Files.copy(
                whole.resolve("class-1-0.safetensors"),
                folder.resolve("class-1-1.safetensors"),
                StandardCopyOption.REPLACE_EXISTING);
        String message = assertThrows(IOException.class, this::use).getMessage();
        assertTrue(message.contains("class-1-1.safetensors is not the file that model.json knows"), message);
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("class-1-1.safetensors"));
        assertEquals(
                folder.resolve("class-1-1.safetensors")
                        + ": there is no such file; check its name, or restore it from a copy",
                assertThrows(IOException.class, this::use).getMessage());
    }

    /** With a checksum that is right. */
    private void write(JsonNode manifest) throws IOException {
        byte[] text = JSON.writeValueAsBytes(manifest);
        Checksum.mark(text, "\"palimpsest_crc32c\" : \"");
        Files.write(folder.resolve(MANIFEST), text);
    }

    private static ObjectNode manifest() throws IOException {
        ObjectNode manifest = (ObjectNode) JSON.readTree(whole.resolve(MANIFEST).toFile());
        return manifest.put("palimpsest_crc32c", Checksum.UNKNOWN);
    }

    /** Format 2 has the accuracy of all classes with every version, this one of those alone where it changed. */
    @Test
    void theFormatBeforeIsReadAlike() throws IOException {
        ObjectNode manifest = manifest();
        ObjectNode all = JSON.createObjectNode();
        for (JsonNode version : manifest.path("versions")) {
            all.setAll((ObjectNode) version.path("accuracy"));
            ((ObjectNode) version).set("accuracy", all.deepCopy());
        }
        assertEquals(5, all.size());
        manifest.put("format", "palimpsest-model 2");
        write(manifest);
        assertEquals(predictions, use());
        try (ContinualClassifier now = ContinualClassifier.open(whole);
                ContinualClassifier before = ContinualClassifier.open(folder)) {
            for (int number = 1; number <= 2; number++) {
                assertEquals(
                        now.version(number).accuracyByClass(),
                        before.version(number).accuracyByClass());
            }
            assertEquals(now.current().accuracyByClass().keySet(), Set.of("0", "1", "2", "3", "4"));
        }
        manifest.put("format", "palimpsest-model 1");
        write(manifest);
        String refused = assertThrows(IOException.class, this::use).getMessage();
        assertTrue(refused.contains("expected format palimpsest-model 3, found \"palimpsest-model 1\""), refused);
    }

    /** Models of before say nothing of a grid, and their features are of whole images. */
    @Test
    void withoutAGridFeaturesAreOfWholeImages() throws IOException {
        ObjectNode manifest = manifest();
        assertEquals(2, ((ObjectNode) manifest.path("setup")).remove("grid").intValue());
        write(manifest);
        String refused = assertThrows(IllegalArgumentException.class, this::use).getMessage();
        assertTrue(refused.contains("samples have 112 dimensions under a network where classes have 160"), refused);
        folder = temporary.resolve("before");
        List<Prediction> then;
        try (ContinualClassifier model = ContinualClassifier.create(
                folder, Setup.images(1, 8, 8).withSnapshots(1).withEpochs(1).withGrid(1))) {
            model.learn(digits(0, 1, 2));
            then = model.classify(few);
        }
        ObjectNode before = (ObjectNode) JSON.readTree(folder.resolve(MANIFEST).toFile());
        ((ObjectNode) before.path("setup")).remove("grid");
        write(before.put("palimpsest_crc32c", Checksum.UNKNOWN));
        assertEquals(then, use());
    }

    /** A number's place holds a number, a text's a text. */
    @ParameterizedTest
    @CsvSource({
        "/setup/epochs, its setup.epochs is \"1\"; expected a whole number",
        "/versions/0/samples, its versions[0].samples is \"1\"; expected a whole number of at least 0",
        "/versions/1/accuracy/3, its versions[1].accuracy.3 is \"1\"; expected a share from 0 to 1",
        "/versions/1/changed/0/number, its versions[1].changed[0].number is \"1\"; expected a whole number",
        "/pixel_mean/0, its pixel_mean[0] is \"1\"; expected a number",
        "/setup/network, its setup.network is \"1\"; expected one of NONE"
    })
    void aTextInTheWrongPlaceIsNamed(String place, String sentence) throws IOException {
        ObjectNode manifest = manifest();
        int end = place.lastIndexOf('/');
        JsonNode parent = manifest.at(place.substring(0, end));
        assertFalse(manifest.at(place).isMissingNode(), place);
        if (parent instanceof ArrayNode array) {
            array.set(
                    Integer.parseInt(place.substring(end + 1)),
                    JSON.getNodeFactory().textNode("1"));
        } else {
            ((ObjectNode) parent).put(place.substring(end + 1), "1");
        }
        write(manifest);
        String refused = assertThrows(IOException.class, this::use).getMessage();
        assertTrue(refused.contains(sentence.replace("; ", ", ")), refused);
    }

    private int refused(int refusedBefore) {
        try {
            use();
            return refusedBefore;
        } catch (IOException | IllegalArgumentException | IllegalStateException e) {
            assertTrue(e.getMessage() != null && e.getMessage().length() > 20, e.toString());
            assertEquals(1, e.getMessage().lines().count(), e.getMessage());
            return refusedBefore + 1;
        }
    }

    @Test
    void mutantsOfTheManifestAreSentencesOrModels() throws IOException {
        write(manifest());
        assertEquals(predictions, use());
        Random random = new Random(3);
        int refused = 0;
        for (int i = 0; i < MUTANTS; i++) {
            ObjectNode mutant = manifest();
            change(mutant, random);
            write(mutant);
            refused = refused(refused);
        }
        assertTrue(refused > MUTANTS / 2, refused + " refused");
    }

    private static void change(ObjectNode root, Random random) {
        List<JsonNode> inner = new ArrayList<>();
        collect(root, inner);
        JsonNode at = inner.get(random.nextInt(inner.size()));
        JsonNode value = List.of(
                        JSON.getNodeFactory().numberNode(-1),
                        JSON.getNodeFactory().numberNode(0),
                        JSON.getNodeFactory().numberNode(2147483647),
                        JSON.getNodeFactory().numberNode(1e300),
                        JSON.getNodeFactory().textNode(""),
                        JSON.getNodeFactory().textNode("../model.json"),
                        JSON.getNodeFactory().nullNode(),
                        JSON.createArrayNode(),
                        JSON.createObjectNode())
                .get(random.nextInt(9));
        if (at instanceof ArrayNode array && !array.isEmpty()) {
            int place = random.nextInt(array.size());
            if (random.nextInt(3) == 0) {
                array.remove(place);
            } else {
                array.set(place, value);
            }
        } else if (at instanceof ObjectNode object && !object.isEmpty()) {
            List<String> keys = new ArrayList<>();
            object.fieldNames().forEachRemaining(keys::add);
            keys.remove("palimpsest_crc32c");
            String key = keys.get(random.nextInt(keys.size()));
            if (random.nextInt(3) == 0) {
                object.remove(key);
            } else {
                object.set(key, value);
            }
        }
    }

    private static void collect(JsonNode node, List<JsonNode> inner) {
        if (node.isContainerNode() && !node.isEmpty()) {
            inner.add(node);
            node.forEach(child -> collect(child, inner));
        }
    }

    @Test
    void mutantsOfTheFilesAreSentencesOrModels() throws IOException {
        Random random = new Random(4);
        int refused = 0;
        for (int i = 0; i < MUTANTS; i++) {
            String name = i % 5 == 0 ? "snapshot-1.safetensors" : "class-1-" + i % 3 + ".safetensors";
            SafetensorsWriter mutant = Mutants.of(Safetensors.read(whole.resolve(name)), random);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            mutant.writeTo(Channels.newChannel(bytes));
            Files.write(folder.resolve(name), bytes.toByteArray());
            ObjectNode manifest = manifest();
            ((ObjectNode) manifest.path("files"))
                    .put(
                            name,
                            Safetensors.of(name, bytes.toByteArray()).checksum().orElseThrow());
            write(manifest);
            refused = refused(refused);
            Files.copy(whole.resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        assertTrue(refused > MUTANTS / 2, refused + " refused");
    }
}
