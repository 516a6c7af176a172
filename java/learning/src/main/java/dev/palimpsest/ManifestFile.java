package dev.palimpsest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.internal.Checksum;
import dev.palimpsest.internal.Reason;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * {@code model.json}: a {@link Manifest} as text, with a checksum of its own. What is read is held against what a
 * manifest can be, as the file may be damaged or from elsewhere.
 */
final class ManifestFile {
    private static final String FORMAT = "palimpsest-model 3";
    /** Versions list the accuracy of all their classes, not of those alone where it changed: that reads alike. */
    private static final String COMPLETE = "palimpsest-model 2";

    private static final String CHECKSUM = "palimpsest_crc32c";
    /** What stands before the digits of the file's own checksum; in front of all names that could be the same. */
    private static final String MARK = "\"" + CHECKSUM + "\" : \"";

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private ManifestFile() {}

    /** Replaces the manifest of a folder as a whole. */
    static void write(Manifest manifest, Path folder) throws IOException {
        Setup setup = manifest.setup();
        ObjectNode root = JSON.createObjectNode()
                .put(CHECKSUM, Checksum.UNKNOWN)
                .put("format", FORMAT)
                .put("current", manifest.current());
        ObjectNode made = root.putObject("setup");
        add(made.putArray("input"), setup.input().extents());
        made.put("network", setup.network().name())
                .put("snapshots", setup.snapshots())
                .put("epochs", setup.epochs())
                .put("held_out", setup.heldOut())
                .put("augmentation", setup.augmentation().toString())
                .put("pretrained", setup.pretrained().map(Path::toString).orElse(null))
                .put("shared_classes", setup.sharedClasses())
                .put("exemplar_megabytes", setup.exemplarMegabytes())
                .put("seed", setup.seed());
        manifest.pixels().ifPresent(normalisation -> {
            add(root.putArray("pixel_mean"), normalisation.mean());
            add(root.putArray("pixel_deviation"), normalisation.deviation());
        });
        ArrayNode versions = root.putArray("versions");
        manifest.entries().forEach(entry -> write(entry, versions.addObject()));
        manifest.checksums().forEach(root.putObject("files")::put);
        byte[] text = JSON.writeValueAsBytes(root);
        Checksum.mark(text, MARK);
        AtomicFile.write(folder.resolve(Manifest.FILE), channel -> {
            ByteBuffer rest = ByteBuffer.wrap(text);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        });
    }

    private static void write(Manifest.Entry entry, ObjectNode node) {
        Lesson lesson = entry.lesson();
        node.put("version", lesson.version())
                .put("before", lesson.before())
                .put("kind", lesson.kind().name())
                .put("reason", lesson.reason())
                .put("at", lesson.at().toString())
                .put("seconds", lesson.seconds());
        add(node.putArray("new_classes"), lesson.newClasses());
        add(node.putArray("repeated_classes"), lesson.repeatedClasses());
        add(node.putArray("forgotten_classes"), lesson.forgottenClasses());
        add(node.putArray("rehearsed_classes"), lesson.rehearsedClasses());
        node.put("samples", lesson.samples()).put("held_out", lesson.heldOut());
        put(node, "old_classes_before", lesson.oldClassesBefore());
        put(node, "old_classes_after", lesson.oldClassesAfter());
        put(node, "new_classes_after", lesson.newClassesAfter());
        lesson.trial().ifPresent(trial -> {
            ObjectNode tried = node.putObject("trial").put("seconds", trial.seconds());
            put(tried, "old_classes_after", trial.oldClassesAfter());
            put(tried, "new_classes_after", trial.newClassesAfter());
        });
        add(node.putArray("warnings"), lesson.warnings());
        add(node.putArray("snapshots"), entry.snapshots());
        ArrayNode changed = node.putArray("changed");
        entry.changed()
                .forEach(c -> changed.addObject()
                        .put("name", c.name())
                        .put("number", c.number())
                        .put("file", c.file())
                        .put("snapshots", c.snapshots())
                        .put("samples", c.samples())
                        .put("held_out", c.heldOut()));
        ArrayNode exemplars = node.putArray("exemplars");
        entry.exemplars()
                .forEach(kept -> exemplars
                        .addObject()
                        .put("class", kept.className())
                        .put("file", kept.file())
                        .put("images", kept.images()));
        node.put("temperature", entry.calibration().temperature());
        double farthest = entry.calibration().farthest();
        put(node, "farthest", Double.isFinite(farthest) ? OptionalDouble.of(farthest) : OptionalDouble.empty());
        put(node, "calibration_error", entry.calibration().error());
        entry.accuracy().forEach(node.putObject("accuracy")::put);
    }

    private static void put(ObjectNode node, String name, OptionalDouble value) {
        if (value.isPresent()) {
            node.put(name, value.getAsDouble());
        }
    }

    private static void add(ArrayNode array, int[] values) {
        for (int value : values) {
            array.add(value);
        }
    }

    private static void add(ArrayNode array, double[] values) {
        for (double value : values) {
            array.add(value);
        }
    }

    private static void add(ArrayNode array, List<String> values) {
        values.forEach(array::add);
    }

    /** @throws IOException with a sentence, if the folder holds no model, or a damaged one */
    static Manifest read(Path folder) throws IOException {
        Path file = folder.resolve(Manifest.FILE);
        byte[] text;
        JsonNode root;
        try {
            text = Files.readAllBytes(file);
            root = JSON.readTree(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(text))
                    .toString());
        } catch (NoSuchFileException e) {
            throw new IOException(
                    folder + " holds no model: there is no " + Manifest.FILE
                            + " in it; give a model's folder, or teach a new one with palimpsest learn",
                    e);
        } catch (CharacterCodingException e) {
            throw damaged(file, "it is not UTF-8", e);
        } catch (JsonProcessingException e) {
            throw damaged(file, Reason.of(e), e);
        } catch (FileSystemException e) {
            throw new IOException(
                    Files.isRegularFile(folder)
                            ? folder + " is a file: expected a model's folder"
                            : file + " cannot be read (" + Reason.of(e) + "): check that you may read it",
                    e);
        }
        String format = root.path("format").asText();
        if (!FORMAT.equals(format) && !COMPLETE.equals(format)) {
            throw damaged(file, "expected format " + FORMAT + ", found " + root.path("format"), null);
        }
        String found = Checksum.ofMarked(text, MARK);
        if (found.isEmpty() || !root.path(CHECKSUM).asText().equals(found)) {
            throw damaged(
                    file,
                    found.isEmpty()
                            ? "it has no checksum"
                            : "it has the checksum " + found + ", expected " + root.path(CHECKSUM),
                    null);
        }
        try {
            return read(root);
        } catch (IllegalArgumentException | DateTimeException | NullPointerException e) {
            throw damaged(file, String.valueOf(e.getMessage()), e);
        }
    }

    private static IOException damaged(Path file, String why, @Nullable Exception cause) {
        return new IOException(
                file + " is damaged or of another version of Palimpsest: " + why + "; restore the folder from a copy",
                cause);
    }

    private static Manifest read(JsonNode root) {
        JsonNode made = root.required("setup");
        Setup setup = new Setup(
                Shape.of(
                        stream(made.required("input")).mapToInt(JsonNode::asInt).toArray()),
                Setup.Network.valueOf(made.required("network").asText()),
                made.required("snapshots").asInt(),
                made.required("epochs").asInt(),
                made.required("held_out").asDouble(),
                Augmentation.parse(made.required("augmentation").asText()),
                Optional.ofNullable(made.required("pretrained").textValue()).map(Path::of),
                made.path("shared_classes").asInt(),
                made.path("exemplar_megabytes").asDouble(),
                made.required("seed").asLong());
        Optional<Normalisation> pixels = root.has("pixel_mean")
                ? Optional.of(new Normalisation(
                        doubles(root.required("pixel_mean")), doubles(root.required("pixel_deviation"))))
                : Optional.empty();
        List<Manifest.Entry> entries = new ArrayList<>();
        root.required("versions").forEach(node -> {
            Manifest.Entry entry = entry(node);
            if (entry.lesson().version() != entries.size() + 1) {
                throw new IllegalArgumentException(
                        "version " + entry.lesson().version() + " stands in place " + (entries.size() + 1));
            }
            entries.add(entry);
        });
        SortedMap<String, String> checksums = new TreeMap<>();
        root.required("files")
                .properties()
                .forEach(each -> checksums.put(each.getKey(), each.getValue().asText()));
        Manifest manifest = new Manifest(setup, pixels, root.required("current").asInt(), entries, checksums);
        if (manifest.current() != 0) {
            manifest.entry(manifest.current());
        }
        if (!manifest.files().equals(checksums.keySet())) {
            throw new IllegalArgumentException(
                    "it has checksums of the files " + checksums.keySet() + ", its versions read " + manifest.files());
        }
        boolean features = setup.network() == Setup.Network.NONE;
        for (Manifest.Entry entry : entries) {
            if (features != entry.snapshots().isEmpty()) {
                throw new IllegalArgumentException(
                        "version " + entry.lesson().version() + " reads the snapshots " + entry.snapshots());
            }
        }
        if (!features && !entries.isEmpty() && pixels.isEmpty()) {
            throw new IllegalArgumentException("it has versions and no mean of pixels");
        }
        return manifest;
    }

    private static Manifest.Entry entry(JsonNode node) {
        Lesson lesson = new Lesson(
                node.required("version").asInt(),
                node.required("before").asInt(),
                Lesson.Kind.valueOf(node.required("kind").asText()),
                node.required("reason").asText(),
                Instant.parse(node.required("at").asText()),
                node.required("seconds").asDouble(),
                texts(node.required("new_classes")),
                texts(node.required("repeated_classes")),
                texts(node.required("forgotten_classes")),
                texts(node.path("rehearsed_classes")),
                node.required("samples").asInt(),
                node.required("held_out").asInt(),
                optional(node.path("old_classes_before")),
                optional(node.path("old_classes_after")),
                optional(node.path("new_classes_after")),
                node.has("trial") ? Optional.of(trial(node.path("trial"))) : Optional.empty(),
                texts(node.required("warnings")));
        if (lesson.before() < 0 || lesson.before() >= lesson.version()) {
            throw new IllegalArgumentException("version " + lesson.version() + " goes on from " + lesson.before());
        }
        List<Manifest.KnownClass> changed = new ArrayList<>();
        node.required("changed")
                .forEach(c -> changed.add(new Manifest.KnownClass(
                        c.required("name").asText(),
                        c.required("number").asInt(),
                        plainName(c.required("file").asText()),
                        c.required("snapshots").asInt(),
                        c.required("samples").asInt(),
                        c.required("held_out").asInt())));
        List<Manifest.Exemplars> exemplars = new ArrayList<>();
        node.path("exemplars")
                .forEach(kept -> exemplars.add(new Manifest.Exemplars(
                        kept.required("class").asText(),
                        plainName(kept.required("file").asText()),
                        kept.required("images").asInt())));
        double temperature = node.required("temperature").asDouble();
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("version " + lesson.version() + " has the temperature "
                    + node.required("temperature") + ", expected a positive number");
        }
        SortedMap<String, Double> accuracy = new TreeMap<>();
        node.required("accuracy")
                .properties()
                .forEach(share -> accuracy.put(share.getKey(), share.getValue().asDouble()));
        return new Manifest.Entry(
                lesson,
                texts(node.required("snapshots")).stream()
                        .map(ManifestFile::plainName)
                        .toList(),
                changed,
                new Manifest.Calibrated(
                        temperature,
                        node.path("farthest").asDouble(Double.POSITIVE_INFINITY),
                        optional(node.path("calibration_error"))),
                accuracy,
                exemplars);
    }

    private static Lesson.Trial trial(JsonNode node) {
        return new Lesson.Trial(
                optional(node.path("old_classes_after")),
                optional(node.path("new_classes_after")),
                node.required("seconds").asDouble());
    }

    /** Files lie in the model's folder; a manifest from elsewhere must not reach others. */
    private static String plainName(String file) {
        if (file.isEmpty() || file.contains("/") || file.contains("\\") || file.startsWith(".")) {
            throw new IllegalArgumentException("a file of the model is called '" + file + "'");
        }
        return file;
    }

    private static OptionalDouble optional(JsonNode node) {
        return node.isNumber() ? OptionalDouble.of(node.asDouble()) : OptionalDouble.empty();
    }

    private static double[] doubles(JsonNode array) {
        return stream(array).mapToDouble(JsonNode::asDouble).toArray();
    }

    private static List<String> texts(JsonNode array) {
        return stream(array).map(JsonNode::asText).toList();
    }

    private static Stream<JsonNode> stream(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }
}
