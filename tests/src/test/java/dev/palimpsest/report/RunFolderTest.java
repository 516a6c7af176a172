package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
    private static final Recipe RECIPE = Recipe.of(Map.of("order", "7", "seed", "3", "threads", "2"));

    private final List<RunFolder> open = new ArrayList<>();

    @TempDir
    private Path temporary;

    @Test
    void aRunThatIsOnSaysSoBeforeItsFirstStep() throws IOException {
        RunFolder folder = create("run");
        JsonNode run = json("run", "run.json");
        assertEquals("running", run.get("status").asText());
        assertEquals("m2kd-digits", run.get("recipe").asText());
        assertEquals("palimpsest train m2kd-digits", run.get("command").asText());
        assertEquals(3, run.at("/seeds/seed").asInt());
        assertEquals("7", run.at("/options/order").asText());
        assertEquals(RECIPE.toMap().size(), run.get("options").size());
        assertEquals(2, run.get("threads").asInt());
        assertEquals(Build.version(), run.at("/versions/palimpsest").asText());
        assertFalse(run.get("cpu").asText().isEmpty());
        assertTrue(run.get("isa").isArray());
        assertEquals(Kernels.chosen().toString(), run.get("kernels").asText());
        assertTrue(run.has("commit"));
        assertEquals(temporary.resolve("run"), folder.path());
        assertFalse(Files.exists(temporary.resolve("run/metrics.json")));
    }

    @Test
    void theFirstStepIsWrittenAtOnce() throws IOException {
        RunFolder folder = create("run");
        folder.step(step(0, Map.of("cross-entropy", 1.5)));
        assertEquals(2, Files.readAllLines(temporary.resolve("run/steps.csv")).size());
    }

    @Test
    void aFinishedRunHoldsItsMetrics() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        JsonNode run = json("run", "run.json");
        assertEquals(
                new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(run) + "\n",
                Files.readString(temporary.resolve("run/run.json")));
        assertEquals("done", run.get("status").asText());
        assertTrue(run.get("reason").isNull());
        assertEquals(MadeUpRun.WEIGHTS, run.get("weights_sha256").asText());
        assertEquals("cd".repeat(32), run.at("/data_sha256/digits.csv").asText());
        assertEquals(6.5, run.at("/seconds_by_part/student").asDouble());
        assertEquals(32.5, run.at("/milliseconds_per_step/student").asDouble(), "five experiences of 40 steps");
        assertEquals(1.25, run.at("/milliseconds_per_step/losses").asDouble());
        assertEquals(
                308_000 + 46_000 + 6_400,
                run.at("/bytes/model").asLong()
                        + run.at("/bytes/snapshots").asLong()
                        + run.at("/bytes/exemplars").asLong());
        assertEquals(360_400, run.at("/bytes/total").asLong());
        assertEquals(0.03, run.at("/classification/expected_calibration_error").asDouble());
        assertEquals(0.7, run.at("/classification/temperature").asDouble());
        assertEquals(0.25, run.at("/classification/milliseconds_per_image").asDouble());
        JsonNode metrics = json("run", "metrics.json");
        assertEquals(360_400, metrics.get("total_bytes").asLong());
        for (String key : List.of(
                "accuracy",
                "within_experience",
                "average_incremental_accuracy",
                "average_incremental_accuracy_without_first",
                "final_accuracy",
                "final_within_experience_accuracy",
                "forgetting",
                "backward_transfer",
                "snapshot_bytes",
                "full_copies_bytes",
                "bits_per_weight",
                "statistics_bytes",
                "expected_calibration_error",
                "passes_per_image",
                "milliseconds_per_image",
                "seconds")) {
            assertTrue(metrics.hasNonNull(key), key);
        }
        // after experience i: the newest is highest, each earlier one three points lower
        assertEquals(
                0.03,
                metrics.at("/accuracy/2/1").asDouble()
                        - metrics.at("/accuracy/2/0").asDouble(),
                1e-12);
        assertEquals(0.06 + 0.09 + 0.12 + 0.03, 4 * metrics.get("forgetting").asDouble(), 1e-12);
        assertEquals(5, metrics.get("accuracy").size());
        assertEquals(3, metrics.get("accuracy").get(2).size());
        assertEquals(46_000, metrics.get("snapshot_bytes").asLong());
    }

    @Test
    void stepsHaveAColumnForEveryTermAndBlanksWhereItWasAbsent() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        List<String> lines = Files.readAllLines(temporary.resolve("run/steps.csv"));
        assertEquals(
                "experience,phase,epoch,step,loss,cross-entropy,distillation,learning_rate,images_per_second",
                lines.getFirst());
        assertEquals("0,train,0,0,2.3,2.3,,0.1,4321.5", lines.get(1));
        assertEquals(1 + 5 * 40, lines.size());
        Map<String, double[]> terms =
                SavedRun.read(temporary.resolve("run")).steps().terms();
        assertEquals(List.of("loss", "cross-entropy", "distillation"), List.copyOf(terms.keySet()));
        assertTrue(Double.isNaN(terms.get("distillation")[0]));
        assertArrayEquals(
                new double[] {0.45, 0.25},
                new double[] {terms.get("distillation")[40], terms.get("distillation")[41]},
                1e-12);
    }

    @Test
    void aFailureKeepsTheReasonAndTheStepsSoFar() throws IOException {
        RunFolder folder = create("run");
        folder.step(
                new Progress.Step(0, "train", 0, 0, 1.5, new LinkedHashMap<>(Map.of("cross-entropy", 1.5)), 0.1, 10));
        folder.failed("loss is NaN at step 0");
        JsonNode run = json("run", "run.json");
        assertEquals("failed", run.get("status").asText());
        assertEquals("loss is NaN at step 0", run.get("reason").asText());
        assertEquals(2, Files.readAllLines(temporary.resolve("run/steps.csv")).size());
    }

    @Test
    void aCompleteRunIsNotOverwritten() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        String before = Files.readString(temporary.resolve("run/run.json"));
        String sentence = assertThrows(IOException.class, () -> create("run")).getMessage();
        assertEquals(temporary.resolve("run") + " holds a run already; choose another folder with --out.", sentence);
        assertEquals(before, Files.readString(temporary.resolve("run/run.json")));
    }

    @Test
    void whatAnInterruptedRunLeftIsDiscarded() throws IOException {
        RunFolder interrupted = create("run");
        interrupted.step(
                new Progress.Step(0, "train", 0, 0, 1.5, new LinkedHashMap<>(Map.of("cross-entropy", 1.5)), 0.1, 10));
        interrupted.failed("the machine went off");
        assertFalse(EarlierRun.isComplete(temporary.resolve("run"), RECIPE.toMap()));
        create("run");
        assertEquals("running", json("run", "run.json").get("status").asText());
        assertFalse(Files.exists(temporary.resolve("run/steps.csv")));
        MadeUpRun.run(RECIPE, create("run"));
        assertTrue(EarlierRun.isComplete(temporary.resolve("run"), RECIPE.toMap()));
    }

    @Test
    void aRunOfAnotherRecipeIsRefusedWithWhatChanged() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        assertTrue(
                EarlierRun.isComplete(
                        temporary.resolve("run"),
                        RECIPE.with("data-folder", "/elsewhere").toMap()),
                "files that moved are no change");
        String sentence = assertThrows(
                        IOException.class,
                        () -> EarlierRun.isComplete(
                                temporary.resolve("run"),
                                RECIPE.with("epochs", "7").toMap()))
                .getMessage();
        assertEquals(
                temporary.resolve("run")
                        + " holds a run of another recipe (epochs = 20, now 7): choose another folder with --out, "
                        + "or remove that run.",
                sentence);
        assertFalse(EarlierRun.isComplete(temporary.resolve("none"), RECIPE.toMap()));
    }

    @Test
    void aFolderThatCannotBeWrittenIsOneSentence() throws IOException {
        Files.writeString(temporary.resolve("file"), "");
        String sentence = assertThrows(IOException.class, () -> create("file")).getMessage();
        assertTrue(sentence.startsWith("Cannot write " + temporary.resolve("file") + ": "), sentence);
        assertTrue(sentence.endsWith("choose another place."), sentence);
        String below = assertThrows(IOException.class, () -> create("file/run")).getMessage();
        assertTrue(below.startsWith("Cannot write ") && below.endsWith("another place."), below);
        // A device that is full or forbids files, for root too.
        if (Files.isDirectory(Path.of("/proc/self"))) {
            String proc = assertThrows(
                            IOException.class,
                            () -> RunFolder.create(Path.of("/proc/self/run"), RECIPE.toMap(), new Origin("r", "c")))
                    .getMessage();
            assertTrue(proc.startsWith("Cannot write /proc/self/run: "), proc);
        }
    }

    @Test
    void aKillAtAnyMomentLeavesFilesWholeOrAbsent() throws IOException, InterruptedException {
        for (int attempt = 0; attempt < 3; attempt++) {
            Path runs = temporary.resolve("attempt-" + attempt);
            Process writer = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            EndlessRuns.class.getName(),
                            runs.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(temporary.resolve("output").toFile())
                    .start();
            while (writer.isAlive() && !Files.exists(runs.resolve("run-3"))) {
                Thread.sleep(5 + attempt);
            }
            assertTrue(writer.isAlive(), () -> "the writer ended by itself, see " + temporary.resolve("output"));
            writer.destroyForcibly().waitFor();
            SavedRun.Found found = SavedRun.find(List.of(runs));
            assertEquals(List.of(), found.damaged());
            for (SavedRun run : found.runs()) {
                assertTrue(Set.of("done", "killed").contains(run.status()), run.status());
            }
            try (Stream<Path> files = Files.walk(runs)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    whole(file);
                }
            }
        }
    }

    @Test
    void aFolderBelongsToOneRunUntilItIsClosed() throws IOException {
        RunFolder first = create("run");
        assertEquals("running", SavedRun.read(first.path()).status());
        String sentence = assertThrows(
                        IOException.class, () -> RunFolder.create(first.path(), RECIPE.toMap(), new Origin("r", "c")))
                .getMessage();
        assertEquals(
                "Another run is writing into " + first.path()
                        + ": wait for its end, or choose another folder with --out.",
                sentence);
        assertEquals("running", SavedRun.read(first.path()).status(), "who was refused took nothing");
        assertTrue(Files.size(first.path().resolve("run.lock")) > 10_000, "room for the last word");
        first.close();
        assertEquals("killed", SavedRun.read(first.path()).status());
        assertEquals("running", json("run", "run.json").get("status").asText());
        assertEquals(0, Files.size(first.path().resolve("run.lock")));
    }

    @Test
    void aFailedRunOfAnotherRecipeIsDiscardedAndAnInterruptedOneWithModelsIsNot() throws IOException {
        SequencedMap<String, String> other = RECIPE.with("epochs", "7").toMap();
        RunFolder failed = create("run");
        failed.checkpoint(SafetensorsWriter::new);
        failed.failed("it diverged");
        assertFalse(EarlierRun.isComplete(temporary.resolve("run"), other));
        RunFolder interrupted = create("run");
        assertFalse(Files.exists(temporary.resolve("run/checkpoint/model.safetensors")));
        interrupted.checkpoint(SafetensorsWriter::new);
        assertTrue(interrupted.interrupted().orElseThrow().startsWith(temporary.resolve("run") + " keeps "));
        assertEquals("interrupted", json("run", "run.json").get("status").asText());
        interrupted.failed("afterwards");
        assertEquals("interrupted", json("run", "run.json").get("status").asText(), "the last word stands");
        close();
        String sentence = assertThrows(IOException.class, () -> EarlierRun.isComplete(temporary.resolve("run"), other))
                .getMessage();
        assertTrue(sentence.contains("holds an unfinished run of another recipe (epochs = 20, now 7)"), sentence);
    }

    @Test
    void aFileThatCannotBeWrittenIsNamedAndTheRestIsKept() throws IOException {
        RunFolder folder = create("run");
        folder.step(step(0, Map.of("cross-entropy", 1.5)));
        Files.writeString(temporary.resolve("run/checkpoint"), "in the way");
        String sentence = assertThrows(UncheckedIOException.class, () -> folder.checkpoint(SafetensorsWriter::new))
                .getMessage();
        assertTrue(sentence.startsWith("Cannot write " + temporary.resolve("run/checkpoint") + ": "), sentence);
        folder.failed(sentence);
        assertEquals("failed", json("run", "run.json").get("status").asText());
        assertEquals(2, Files.readAllLines(temporary.resolve("run/steps.csv")).size());
        RunFolder second = create("second");
        second.step(step(0, Map.of("cross-entropy", 1.5)));
        second.step(step(0, Map.of("cross-entropy", 1.25)));
        Files.delete(temporary.resolve("second/steps.csv"));
        Files.createDirectory(temporary.resolve("second/steps.csv"));
        assertThrows(UncheckedIOException.class, () -> second.failed("because"));
        assertEquals("because", json("second", "run.json").get("reason").asText());
    }

    @Test
    void aTermThatComesLateGetsAColumnInAllRows() throws IOException {
        RunFolder folder = create("run");
        folder.step(step(0, Map.of("a", 1.0)));
        folder.step(step(0, new LinkedHashMap<>(Map.of("b", 2.0))));
        folder.evaluated(new Progress.Evaluation(0, List.of(1.0), 1, 1, new int[][] {{1}}));
        folder.step(step(1, Map.of("c", 3.0)));
        folder.evaluated(new Progress.Evaluation(1, List.of(1.0, 1.0), 1, 1, new int[][] {{1}}));
        assertEquals(
                List.of(
                        "experience,phase,epoch,step,loss,a,b,c,learning_rate,images_per_second",
                        "0,train,0,0,1.5,1.0,,,0.1,10.0",
                        "0,train,0,0,1.5,,2.0,,0.1,10.0",
                        "1,train,0,0,1.5,,,3.0,0.1,10.0"),
                Files.readAllLines(temporary.resolve("run/steps.csv")));
        Files.writeString(temporary.resolve("run/steps.csv"), "1,train,0,1,0.", StandardOpenOption.APPEND);
        assertEquals(3, SavedRun.read(folder.path()).steps().terms().get("loss").length, "half a row is none yet");
    }

    private static Progress.Step step(int experience, Map<String, Double> terms) {
        return new Progress.Step(experience, "train", 0, 0, 1.5, new LinkedHashMap<>(terms), 0.1, 10);
    }

    private static void whole(Path file) throws IOException {
        String text = Files.readString(file);
        switch (file.getFileName().toString()) {
            case "run.json" -> assertTrue(new ObjectMapper().readTree(text).has("status"), file.toString());
            case "metrics.json" -> assertTrue(new ObjectMapper().readTree(text).has("seconds"), file.toString());
            case "run.lock" -> assertTrue(text.isBlank(), file.toString());
            case "confusion.json" ->
                assertTrue(new ObjectMapper().readTree(text).has("counts"), file.toString());
            case "steps.csv" -> assertTrue(text.endsWith("\n"), file.toString());
            default -> assertTrue(file.toString().endsWith(AtomicFile.UNFINISHED), file.toString());
        }
    }

    @Test
    void noTemporaryFilesStay() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        try (Stream<Path> files = Files.list(temporary.resolve("run"))) {
            assertEquals(
                    List.of("confusion.json", "metrics.json", "run.json", "run.lock", "steps.csv"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @AfterEach
    void close() {
        open.forEach(RunFolder::close);
    }

    /** As its command does at its end. */
    private RunFolder create(String name) throws IOException {
        close();
        RunFolder folder = RunFolder.create(
                temporary.resolve(name), RECIPE.toMap(), new Origin("m2kd-digits", "palimpsest train m2kd-digits"));
        open.add(folder);
        return folder;
    }

    private JsonNode json(String folder, String file) throws IOException {
        return new ObjectMapper()
                .readTree(temporary.resolve(folder).resolve(file).toFile());
    }
}
