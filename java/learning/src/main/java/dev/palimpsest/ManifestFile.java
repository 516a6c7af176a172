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
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
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
                .put("grid", setup.grid())
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
        if (Files.exists(file) && !Files.isRegularFile(file)) { // reading a pipe or a device may never end
            throw damaged(file, "it is not a regular file", null);
        }
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
                            : file + " cannot be read (" + Reason.of(e) + "): " + Reason.remedy(e),
                    e);
        }
        String format = root.path("format").asText();
        if (!FORMAT.equals(format) && !COMPLETE.equals(format)) {
            throw damaged(file, "expected format " + FORMAT + ", found " + Reason.brief(root.path("format")), null);
        }
        String found = Checksum.ofMarked(text, MARK);
        if (found.isEmpty() || !root.path(CHECKSUM).asText().equals(found)) {
            throw damaged(
                    file,
                    found.isEmpty()
                            ? "it has no checksum"
                            : "it has the checksum " + found + ", expected " + Reason.brief(root.path(CHECKSUM)),
                    null);
        }
        try {
            return read(new Fields("", root));
        } catch (IllegalArgumentException e) {
            throw damaged(file, String.valueOf(e.getMessage()), e);
        }
    }

    private static IOException damaged(Path file, String why, @Nullable Exception cause) {
        return new IOException(
                file + " is damaged or of another version of Palimpsest: " + why + "; restore the folder from a copy",
                cause);
    }

    private static Manifest read(Fields root) {
        Setup setup = setup(root.object("setup"));
        Optional<Normalisation> pixels = root.has("pixel_mean")
                ? Optional.of(new Normalisation(root.numbers("pixel_mean"), root.numbers("pixel_deviation")))
                : Optional.empty();
        List<Manifest.Entry> entries = root.each("versions", ManifestFile::entry);
        SortedMap<String, String> checksums = new TreeMap<>(root.textsByName("files"));
        Manifest manifest = new Manifest(setup, pixels, root.integer("current"), entries, checksums);
        if (manifest.current() != 0) {
            manifest.entry(manifest.current());
        }
        if (!manifest.files().equals(checksums.keySet())) {
            throw new IllegalArgumentException("it has checksums of the files " + Reason.brief(checksums.keySet())
                    + ", its versions read " + Reason.brief(manifest.files()));
        }
        boolean features = setup.network() == Setup.Network.NONE;
        for (int i = 0; i < entries.size(); i++) {
            Manifest.Entry entry = entries.get(i);
            int version = entry.lesson().version();
            if (version != i + 1) {
                throw new IllegalArgumentException("version " + version + " stands in place " + (i + 1));
            }
            if (features != entry.snapshots().isEmpty()) {
                throw new IllegalArgumentException(
                        "version " + version + " reads the snapshots " + Reason.brief(entry.snapshots()));
            }
        }
        if (!features && !entries.isEmpty() && pixels.isEmpty()) {
            throw new IllegalArgumentException("it has versions and no mean of pixels");
        }
        return manifest;
    }

    private static Setup setup(Fields made) {
        return new Setup(
                Shape.of(made.integers("input")),
                made.constant("network", Setup.Network.class),
                made.integer("snapshots"),
                made.has("grid") ? made.integer("grid") : 1,
                made.integer("epochs"),
                made.number("held_out"),
                Augmentation.parse(made.text("augmentation")),
                made.node().path("pretrained").isNull()
                        ? Optional.empty()
                        : Optional.of(path("setup.pretrained", made.text("pretrained"))),
                made.has("shared_classes") ? made.integer("shared_classes") : 0,
                made.has("exemplar_megabytes") ? made.number("exemplar_megabytes") : 0,
                made.integer64("seed"));
    }

    private static Path path(String name, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("its " + name + " is no path, as it has a NUL", e);
        }
    }

    private static Manifest.Entry entry(Fields node) {
        Lesson lesson = new Lesson(
                node.integer("version"),
                node.integer("before"),
                node.constant("kind", Lesson.Kind.class),
                node.text("reason"),
                instant(node),
                node.number("seconds"),
                node.texts("new_classes"),
                node.texts("repeated_classes"),
                node.texts("forgotten_classes"),
                node.has("rehearsed_classes") ? node.texts("rehearsed_classes") : List.of(),
                node.count("samples"),
                node.count("held_out"),
                node.optionalShare("old_classes_before"),
                node.optionalShare("old_classes_after"),
                node.optionalShare("new_classes_after"),
                node.has("trial") ? Optional.of(trial(node.object("trial"))) : Optional.empty(),
                node.texts("warnings"));
        if (lesson.before() < 0 || lesson.before() >= lesson.version()) {
            throw new IllegalArgumentException("version " + lesson.version() + " goes on from " + lesson.before());
        }
        List<Manifest.KnownClass> changed = node.each(
                "changed",
                c -> new Manifest.KnownClass(
                        c.text("name"),
                        c.integer("number"),
                        plainName(c.text("file")),
                        c.integer("snapshots"),
                        c.integer("samples"),
                        c.integer("held_out")));
        List<Manifest.Exemplars> exemplars = node.has("exemplars")
                ? node.each(
                        "exemplars",
                        kept -> new Manifest.Exemplars(
                                kept.text("class"), plainName(kept.text("file")), kept.integer("images")))
                : List.of();
        double temperature = node.number("temperature");
        if (!(temperature > 0)) {
            throw new IllegalArgumentException("version " + lesson.version() + " has the temperature " + temperature
                    + ", expected a positive number");
        }
        return new Manifest.Entry(
                lesson,
                node.texts("snapshots").stream().map(ManifestFile::plainName).toList(),
                changed,
                new Manifest.Calibrated(
                        temperature,
                        node.has("farthest") ? node.number("farthest") : Double.POSITIVE_INFINITY,
                        node.optionalShare("calibration_error")),
                new TreeMap<>(node.shares("accuracy")),
                exemplars);
    }

    private static Instant instant(Fields node) {
        try {
            return Instant.parse(node.text("at"));
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(
                    "its " + node.place() + "at is " + Reason.brief(node.text("at"))
                            + ", expected a time such as 2026-01-31T12:00:00Z",
                    e);
        }
    }

    private static Lesson.Trial trial(Fields node) {
        return new Lesson.Trial(
                node.optionalShare("old_classes_after"),
                node.optionalShare("new_classes_after"),
                node.number("seconds"));
    }

    /** Files lie in the model's folder; a manifest from elsewhere must not reach others. */
    private static String plainName(String file) {
        if (file.isEmpty()
                || file.contains("/")
                || file.contains("\\")
                || file.startsWith(".")
                || file.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a file of the model is called '" + Reason.brief(file) + "'");
        }
        return file;
    }
}
