package dev.palimpsest.classifier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.ImagePart;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.method.M2kd;
import dev.palimpsest.model.Networks;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.ExemplarOptions;
import dev.palimpsest.train.Experiment;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.TrainingOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** On digits, five times two classes, without a kept image. */
class GaussianOverSnapshotsTest {
    private static final Stream STREAM =
            ClassIncrementalStream.of(Dataset.load("digits", Optional.empty()), "5x2", "1", 0, 1);

    @TempDir
    private Path temporary;

    /** The file after every experience. */
    private final List<Path> files = new ArrayList<>();

    private Result run(Method method, ClassifierType classifier) {
        return Experiment.of(STREAM)
                .network(image -> Networks.digitsNet(image, List.of(16, 32, 64)))
                .method(method)
                .training(TrainingOptions.DEFAULT
                        .withEpochs(6)
                        .withClip(1)
                        .withLaterLearningRateFactor(0.2)
                        .withFreezeNorm(true))
                .exemplars(ExemplarOptions.GROUP.of(Map.of("exemplars", "0")))
                .classifier(classifier)
                .engine(Engines.cpu(1))
                .listen(new Progress() {
                    @Override
                    public void checkpoint(Supplier<SafetensorsWriter> state) {
                        files.add(write(state.get(), temporary.resolve(files.size() + ".safetensors")));
                    }
                })
                .run();
    }

    private static Path write(SafetensorsWriter writer, Path file) {
        try (var bytes = new ByteArrayOutputStream()) {
            writer.writeTo(Channels.newChannel(bytes));
            return Files.write(file, bytes.toByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static GaussianOverSnapshots gaussians(int snapshots) {
        return new GaussianOverSnapshots(
                GaussianOverSnapshots.Options.GROUP.of(Map.of("gaussian-snapshots", "" + snapshots)));
    }

    @Test
    void prunedSnapshotsTellAllClassesApartAndTheFileGivesTheSameAnswers() throws IOException {
        Result result = run(
                new M2kd(M2kd.Options.DEFAULT
                        .withCrossEntropy(CrossEntropy.Form.NEW)
                        .withLambdas(1, 0, 0.05)),
                gaussians(3));
        double right = result.accuracy().finalAccuracy();
        assertTrue(right >= 0.95, "right on " + right);
        assertEquals(5, result.memory().size());
        try (SavedModel saved = new SavedModel(
                        Checkpoint.read(files.getLast()), image -> Networks.digitsNet(image, List.of(16, 32, 64)));
                Engine engine = Engines.cpu(1)) {
            assertEquals(
                    right,
                    saved.score(STREAM, ImagePart.TEST, OptionalInt.empty(), engine)
                            .all()
                            .accuracy(),
                    1e-12);
        }
        statisticsStay();
        everyByteIsCounted(result);
        assertEquals(3, result.classification().passesPerImage());
        assertTrue(result.classification().calibrationError().isEmpty(), "nothing is held out");
    }

    /** As the last file has them. */
    private void everyByteIsCounted(Result result) throws IOException {
        Safetensors last = Safetensors.read(files.getLast());
        assertEquals(bytes(last, "network."), result.kept().model());
        assertEquals(bytes(last, "gaussian."), result.kept().statistics());
        assertEquals(result.finalMemory().snapshotBytes(), result.kept().snapshots());
        assertEquals(0, result.kept().exemplars() + result.kept().methodMemory());
        assertEquals(
                result.kept().model()
                        + result.kept().statistics()
                        + result.kept().snapshots(),
                result.kept().total());
    }

    private static long bytes(Safetensors file, String prefix) {
        return file.names().stream()
                .filter(name -> name.startsWith(prefix))
                .mapToLong(name -> file.tensor(name).data().byteSize())
                .sum();
    }

    private static GaussianOverSnapshots gaussians(Map<String, String> options) {
        return new GaussianOverSnapshots(GaussianOverSnapshots.Options.GROUP.of(options));
    }

    /** What is kept of a class, and under which snapshots; the file says the same, and takes what is counted. */
    @ParameterizedTest
    @CsvSource({
        "gaussian-bits=8, 3, 0.95",
        "gaussian-rank=8 gaussian-bits=8, 3, 0.95",
        "gaussian-grid=1 gaussian-bits=8, 3, 0.95",
        "gaussian-covariance=pooled, 3, 0.95",
        "gaussian-read=own, 5, 0.92"
    })
    void lessIsKeptOfAClass(String options, int passes, double least) throws IOException {
        Map<String, String> texts = new TreeMap<>();
        for (String option : options.split(" ")) {
            texts.put(option.split("=")[0], option.split("=")[1]);
        }
        GaussianOverSnapshots type = gaussians(texts);
        Result result = run(Methods.named("fine-tuning").create(Map.of()), type);
        double right = result.accuracy().finalAccuracy();
        assertTrue(right >= least, "right on " + right);
        assertEquals(passes, result.classification().passesPerImage());
        Safetensors last = Safetensors.read(files.getLast());
        assertEquals(
                bytes(last, "gaussian.") + bytes(last, "classifier.4.gaussian_shared."),
                result.kept().statistics());
        assertTrue(result.kept().statistics() < 0.45 * 10 * 3 * 8 * (160 + 160 * 161 / 2), "bytes of all in float64");
        assertEquals(texts, differing(type));
        try (SavedModel saved = new SavedModel(
                        Checkpoint.read(files.getLast()), image -> Networks.digitsNet(image, List.of(16, 32, 64)));
                Engine engine = Engines.cpu(1)) {
            assertEquals(
                    right,
                    saved.score(STREAM, ImagePart.TEST, OptionalInt.empty(), engine)
                            .all()
                            .accuracy(),
                    1e-12);
        }
    }

    /** Options that are not the standard. */
    private static Map<String, String> differing(GaussianOverSnapshots type) {
        Map<String, String> texts = new TreeMap<>(type.options());
        texts.entrySet().removeAll(gaussians(Map.of()).options().entrySet());
        return texts;
    }

    /** A class's tensors have the same bytes in every later file. */
    private void statisticsStay() throws IOException {
        Safetensors early = Safetensors.read(files.get(1));
        Safetensors late = Safetensors.read(files.getLast());
        List<String> names = early.names().stream()
                .filter(name -> name.startsWith("gaussian."))
                .toList();
        assertEquals(2 * (1 + 2) + 2 * (1 + 2 * 2), names.size(), names.toString());
        for (String name :
                names.stream().filter(name -> !name.endsWith("count")).toList()) {
            assertTrue(Arrays.equals(early.doubles(name), late.doubles(name)), name);
        }
    }

    @Test
    void aMethodThatKeepsNoSnapshotsGetsCopiesOfTheFirst() {
        Result result = run(Methods.named("fine-tuning").create(Map.of()), gaussians(2));
        double right = result.accuracy().finalAccuracy();
        assertTrue(right >= 0.95, "right on " + right);
        assertEquals(
                result.memory().get(1).snapshotBytes(), result.finalMemory().snapshotBytes());
        assertTrue(result.memory().get(1).snapshotBytes()
                > result.memory().getFirst().snapshotBytes());
    }
}
