package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.recipe.Runs;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Processes that are ended while they train. */
class InterruptionTest {
    private static final List<String> SMALL = List.of(
            "--split 4+3+3 --widths 4,8,8 --batch 32 --epochs 1 --retrain-epochs 1 --threads 1 --checkpoint-every 0"
                    .split(" "));

    @TempDir
    private Path temporary;

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void anInterruptedRunGoesOnFromTheNextStepBitForBit() throws Exception {
        Path whole = temporary.resolve("whole");
        assertEquals(0, palimpsest(train(whole)));
        Path cut = temporary.resolve("cut");
        String said = end(train(cut), 143, "1train");
        assertTrue(
                said.strip()
                        .endsWith("Interrupted: " + cut + " keeps the state after 2 steps of experience 2; palimpsest"
                                + " train --resume " + cut + " goes on from there."),
                said);
        assertEquals("interrupted", run(cut).get("status").asText());
        said = end(List.of("train", "--resume", cut.toString()), 143, "1retrain");
        assertEquals(1, run(cut).get("experiences_before").asInt());
        assertEquals(2, run(cut).get("steps_before").asInt());
        assertTrue(said.contains(" steps of experience 2; "), said);
        assertEquals(0, palimpsest(List.of("train", "--resume", cut.toString())));
        assertTrue(run(cut).get("steps_before").asInt() > 4, "goes on in the midst of retraining");
        requireSame(whole, cut);
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void anInterruptedSuiteGoesOnInsideTheRunThatWasAtWork() throws Exception {
        Path suite = Files.writeString(
                temporary.resolve("small.suite"),
                "orders = 1\n\n"
                        + "[small]\n"
                        + "recipe = m2kd-digits\n"
                        + "reference = M2KD\n"
                        + "exemplar-free: method=fine-tuning\n"
                        + "M2KD: method=m2kd\n");
        Path whole = temporary.resolve("whole");
        assertEquals(0, palimpsest(suite(suite, whole)));
        Path cut = temporary.resolve("cut");
        String said = end(suite(suite, cut), 143, "1retrain"); // M2KD alone retrains
        Path run = cut.resolve("small/m2kd/order-1");
        assertTrue(said.contains("Interrupted: " + run + " keeps the state after "), said);
        assertTrue(said.strip().endsWith("; the same command with --out " + cut + " goes on from there."), said);
        assertEquals(0, palimpsest(suite(suite, cut)));
        assertTrue(run(run).get("steps_before").asInt() > 2, "goes on inside an experience");
        requireSame(whole.resolve("small/m2kd/order-1"), run);
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void anotherCtrlCEndsAtOnce() throws Exception {
        Path output = temporary.resolve("output");
        // Where Ctrl-C is ignored, as in the background of a script, it would be here too.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
        command.addAll(java(train(temporary.resolve("run")), "-Dat=0train", "-Dstuck=true"));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        while (process.isAlive() && !Files.readString(output).contains(InterruptedMain.KNOWS)) {
            Thread.sleep(10);
        }
        assertTrue(process.isAlive(), Files.readString(output));
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        assertTrue(process.waitFor(Interruption.PATIENCE_SECONDS / 2, TimeUnit.SECONDS), "still there");
        assertEquals(130, process.exitValue(), Files.readString(output));
    }

    private static List<String> train(Path out) {
        return words(List.of("train", "m2kd-digits", "--out", out.toString()));
    }

    private static List<String> suite(Path file, Path out) {
        return words(List.of("suite", file.toString(), "--out", out.toString()));
    }

    private static List<String> words(List<String> first) {
        List<String> words = new ArrayList<>(first);
        words.addAll(SMALL);
        return words;
    }

    private String end(List<String> words, int status, String at) throws IOException, InterruptedException {
        Path output = temporary.resolve("output");
        Process process = new ProcessBuilder(java(words, "-Dat=" + at))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertEquals(status, process.waitFor(), Files.readString(output));
        return Files.readString(output);
    }

    private static List<String> java(List<String> words, String... properties) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path")));
        command.addAll(List.of(properties));
        command.add(InterruptedMain.class.getName());
        command.addAll(words);
        return command;
    }

    private static int palimpsest(List<String> words) {
        StringWriter out = new StringWriter();
        PrintWriter to = new PrintWriter(out, true);
        return Palimpsest.commandLine(
                        Runs::run,
                        (name, alone) -> new Lines(name, Duration.ofSeconds(5), to, System::nanoTime),
                        List.of())
                .setOut(to)
                .setErr(to)
                .execute(words.toArray(String[]::new));
    }

    private static void requireSame(Path expected, Path found) throws IOException {
        assertEquals(run(expected).get("weights_sha256"), run(found).get("weights_sha256"));
        assertEquals(steps(expected), steps(found));
        assertEquals(
                Files.readString(expected.resolve("confusion.json")),
                Files.readString(found.resolve("confusion.json")));
    }

    /** Without the speed, which no two runs share. */
    private static List<String> steps(Path run) throws IOException {
        return Files.readAllLines(run.resolve("steps.csv")).stream()
                .map(row -> row.substring(0, row.lastIndexOf(',')))
                .toList();
    }

    private static JsonNode run(Path folder) throws IOException {
        return new ObjectMapper().readTree(folder.resolve("run.json").toFile());
    }
}
