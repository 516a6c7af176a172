package dev.palimpsest.fuzz;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.ExportedVersion;
import dev.palimpsest.Lesson;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Whole files of models that keep learning, and what reads them. */
final class ModelFiles {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final String FOLDER = "model";
    private static final String MANIFEST = "model.json";
    private static final String EXPORTED = "version.safetensors";
    private static final int PIXELS = 64;

    /** By name; of one lesson, after which the next one trains and rehearses what is kept. */
    private static final Map<String, byte[]> KEPT = new TreeMap<>();

    private ModelFiles() {}

    static List<byte[]> model(Path folder, String file) throws IOException {
        Path model = Files.createDirectories(folder.resolve(FOLDER));
        for (Map.Entry<String, byte[]> each : kept().entrySet()) {
            Files.write(model.resolve(each.getKey()), each.getValue());
        }
        return List.of(Files.readAllBytes(folder.resolve(file)));
    }

    static List<byte[]> exported(Path folder, String file) throws IOException {
        return List.of(kept().get(EXPORTED));
    }

    private static synchronized Map<String, byte[]> kept() throws IOException {
        if (KEPT.isEmpty()) {
            Path folder = Files.createTempDirectory("model");
            try (ContinualClassifier model = ContinualClassifier.create(
                    folder, Setup.images(1, 8, 8).withEpochs(1).withSnapshots(2).withExemplars(0.003))) {
                model.learn(digits(20, 0, 1));
                model.current().export(folder.resolve(EXPORTED));
            }
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    KEPT.put(file.getFileName().toString(), Files.readAllBytes(file));
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
        return KEPT;
    }

    private static Samples digits(int ofEach, int... classes) {
        return Samples.of(
                images(ofEach, classes),
                IntStream.range(0, 10).mapToObj(Integer::toString).toList());
    }

    private static Images images(int ofEach, int... classes) {
        Images digits = Dataset.load("digits", Optional.empty()).train();
        int[] chosen = IntStream.of(classes)
                .flatMap(label -> IntStream.range(0, digits.size())
                        .filter(i -> digits.label(i) == label)
                        .limit(ofEach))
                .toArray();
        byte[] pixels = new byte[chosen.length * PIXELS];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) digits.pixel(chosen[i / PIXELS], 0, i % PIXELS / 8, i % 8);
        }
        int[] labels = IntStream.of(chosen).map(digits::label).toArray();
        return Images.of(1, 8, 8, pixels, labels);
    }

    static void classify(Path folder, Path file) throws IOException {
        try (ContinualClassifier model = ContinualClassifier.open(folder.resolve(FOLDER))) {
            model.classify(images(2, 0, 1, 2));
            model.versions();
            model.bytes();
        }
    }

    /** A lesson that trains, cut short at its first step. */
    static void learn(Path folder, Path file) throws IOException {
        Progress cut = new Progress() {
            @Override
            public void step(Step step) {
                throw new Cut();
            }
        };
        try (ContinualClassifier model = ContinualClassifier.open(folder.resolve(FOLDER))) {
            model.learn(
                    digits(20, 2, 3),
                    Lesson.Options.DEFAULT.withKind(Lesson.Kind.TRAINED).withProgress(cut));
        } catch (Cut _) {
            // as it was meant to be
        }
    }

    private static final class Cut extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Has model.json know a file of the model as it is now. */
    static void know(Path file) throws IOException {
        Path manifest = file.resolveSibling(MANIFEST);
        if (!file.equals(manifest) && Files.exists(manifest)) {
            ObjectNode content = (ObjectNode) JSON.readTree(kept().get(MANIFEST));
            String checksum = Safetensors.read(file).checked().checksum().orElseThrow();
            ((ObjectNode) content.get("files")).put(file.getFileName().toString(), checksum);
            Files.write(manifest, Sealed.of(JSON.writeValueAsBytes(content)));
        }
    }

    static void classifyExported(Path folder, Path file) throws IOException {
        try (ExportedVersion version = new ExportedVersion(Safetensors.read(file))) {
            version.preparation();
            version.classify(images(2, 0, 1, 2));
        }
    }
}
