package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
    private static final Recipe RECIPE = Recipe.of(Map.of("order", "7", "seed", "3", "threads", "2"));

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
    void aFinishedRunHoldsItsMetrics() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        JsonNode run = json("run", "run.json");
        assertEquals("done", run.get("status").asText());
        assertTrue(run.get("reason").isNull());
        assertEquals(MadeUpRun.WEIGHTS, run.get("weights_sha256").asText());
        assertEquals("cd".repeat(32), run.at("/data_sha256/digits.csv").asText());
        assertEquals(6.5, run.at("/seconds_by_part/student").asDouble());
        assertEquals(32.5, run.at("/milliseconds_per_step/student").asDouble(), "five experiences of 40 steps");
        assertEquals(1.25, run.at("/milliseconds_per_step/losses").asDouble());
        JsonNode metrics = json("run", "metrics.json");
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
        assertFalse(RunFolder.isComplete(temporary.resolve("run"), RECIPE.toMap()));
        create("run");
        assertEquals("running", json("run", "run.json").get("status").asText());
        assertFalse(Files.exists(temporary.resolve("run/steps.csv")));
        MadeUpRun.run(RECIPE, create("run"));
        assertTrue(RunFolder.isComplete(temporary.resolve("run"), RECIPE.toMap()));
    }

    @Test
    void aRunOfAnotherRecipeIsRefusedWithWhatChanged() throws IOException {
        MadeUpRun.run(RECIPE, create("run"));
        assertTrue(
                RunFolder.isComplete(
                        temporary.resolve("run"),
                        RECIPE.with("data-folder", "/elsewhere").toMap()),
                "files that moved are no change");
        String sentence = assertThrows(
                        IOException.class,
                        () -> RunFolder.isComplete(
                                temporary.resolve("run"),
                                RECIPE.with("epochs", "7").toMap()))
                .getMessage();
        assertEquals(
                temporary.resolve("run")
                        + " holds a run of another recipe (epochs = 20, now 7): choose another folder with --out, "
                        + "or remove that run.",
                sentence);
        assertFalse(RunFolder.isComplete(temporary.resolve("none"), RECIPE.toMap()));
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
                            () -> RunFolder.create(
                                    Path.of("/proc/self/run"), RECIPE.toMap(), new RunFolder.Origin("r", "c")))
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
            try (Stream<Path> files = Files.walk(runs)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    whole(file);
                }
            }
        }
    }

    private static void whole(Path file) throws IOException {
        String text = Files.readString(file);
        switch (file.getFileName().toString()) {
            case "run.json" -> assertTrue(new ObjectMapper().readTree(text).has("status"), file.toString());
            case "metrics.json" -> assertTrue(new ObjectMapper().readTree(text).has("seconds"), file.toString());
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
                    List.of("confusion.json", "metrics.json", "run.json", "steps.csv"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    private RunFolder create(String name) throws IOException {
        return RunFolder.create(
                temporary.resolve(name),
                RECIPE.toMap(),
                new RunFolder.Origin("m2kd-digits", "palimpsest train m2kd-digits"));
    }

    private JsonNode json(String folder, String file) throws IOException {
        return new ObjectMapper()
                .readTree(temporary.resolve(folder).resolve(file).toFile());
    }
}
