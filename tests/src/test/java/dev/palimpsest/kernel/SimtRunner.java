package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.ffi.NativeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The program that runs the CUDA kernels as host code (src/test/native/simt); the tests' build makes it. */
final class SimtRunner {
    private static final Path PROGRAM = Path.of("target/simt/runner");

    /** One line of its output: what was checked, and null or what was wrong. */
    record Check(String name, String problem) {}

    /** How it ended and everything it printed. */
    record Outcome(int status, List<String> lines) {}

    private SimtRunner() {}

    static Outcome run(String command, String... arguments) throws IOException {
        assertTrue(
                Files.isExecutable(PROGRAM),
                PROGRAM.toAbsolutePath() + " is missing: mvn process-test-classes builds it");
        String property = System.getProperty("palimpsest.native");
        Path library = property != null
                ? Path.of(property)
                : NativeFiles.unpack("dev/palimpsest/native/linux-x86_64", List.of("libpalimpsest.so"))
                        .resolve("libpalimpsest.so");
        List<String> words = new ArrayList<>(
                List.of(PROGRAM.toString(), library.toAbsolutePath().toString(), command));
        words.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
        builder.environment()
                .put("ASAN_OPTIONS", "detect_leaks=0"); // leak detection needs ptrace, which containers forbid
        Process process = builder.start();
        List<String> lines = process.inputReader().lines().toList();
        try {
            return new Outcome(process.waitFor(), lines);
        } catch (InterruptedException e) {
            process.destroy();
            throw new IOException("interrupted while " + words + " ran", e);
        }
    }

    /** The checks of a run that must end well: status 0, and as many lines as it says it made checks. */
    static List<Check> checks(String command, String... arguments) throws IOException {
        Outcome outcome = run(command, arguments);
        String all = String.join("\n", outcome.lines());
        assertEquals(0, outcome.status(), all);
        List<Check> checks = new ArrayList<>();
        for (String line : outcome.lines()) {
            if (line.startsWith("ok ")) {
                checks.add(new Check(line.substring(3), null));
            } else if (line.startsWith("FAILED ")) {
                checks.add(new Check(line.substring(7), line));
            }
        }
        assertTrue(!checks.isEmpty() && outcome.lines().getLast().equals("checks " + checks.size()), all);
        return checks;
    }
}
