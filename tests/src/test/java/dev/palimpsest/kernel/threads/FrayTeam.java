package dev.palimpsest.kernel.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The thread team under schedules that Fray chooses at every volatile and atomic access, lock, park and interrupt: a
 * deadlock, a call that never ends or a failure is found with what repeats it. Orders of one memory only, not what
 * weaker ones allow. Fray needs a JDK whose classes are instrumented: made once, in target/fray. See README.md.
 */
@Execution(ExecutionMode.CONCURRENT)
class FrayTeam {
    private static final int SCHEDULES = Integer.getInteger("fray.schedules", 100);
    private static final String SCHEDULER = System.getProperty("fray.scheduler", "pos");
    /** Of a schedule that ends there are some hundred. */
    private static final String MOST_STEPS = "20000";

    private static final Path KEPT = Path.of("target/fray").toAbsolutePath();
    private static final Path JAVA = KEPT.resolve("java");
    private static final Path LIBRARY = KEPT.resolve("libjvmti.so");
    private static final String CLASS_PATH =
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

    @BeforeAll
    static void instrumentJava() throws Exception {
        Files.createDirectories(KEPT);
        try (ZipFile jar = new ZipFile(jar("fray-jvmti-").toFile());
                InputStream library = jar.getInputStream(jar.getEntry("libjvmti.so"))) {
            Files.write(LIBRARY, library.readAllBytes());
        }
        if (Files.exists(JAVA.resolve("release"))) {
            return;
        }
        String modules = String.join(
                File.pathSeparator,
                Stream.of("fray-instrumentation-jdk-", "fray-instrumentation-base-", "fray-runtime-", "kotlin-", "asm-")
                        .flatMap(FrayTeam::jars)
                        .map(Path::toString)
                        .toList());
        run(List.of(
                Path.of(System.getProperty("java.home"), "bin", "jlink").toString(),
                "-J-javaagent:" + jar("fray-instrumentation-jdk-"),
                "-J--module-path=" + modules,
                "-J--class-path=" + modules,
                "-J--add-modules=org.pastalab.fray.instrumentation.jdk",
                "--fray-instrumentation",
                "--add-modules=java.instrument,java.management,java.rmi,jdk.unsupported",
                "--output=" + JAVA));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tasksInSuccession",
                "everyMemberIsWoken",
                "failingTasks",
                "interruptedCaller",
                "twoCallers",
                "taskInATask"
            })
    void everyScheduleEndsAsItShould(String tasks) throws Exception {
        Path report = KEPT.resolve(tasks);
        String output = run(List.of(
                JAVA.resolve("bin/java").toString(),
                "-agentpath:" + LIBRARY,
                "-javaagent:" + jar("fray-instrumentation-agent-"),
                "-cp",
                CLASS_PATH,
                "org.pastalab.fray.core.MainKt",
                "--run-config=cli",
                "--clazz=" + TeamSchedules.class.getName(),
                "--method=" + tasks,
                "--scheduler=" + SCHEDULER,
                "--iter=" + SCHEDULES,
                "--timeout=" + Integer.MAX_VALUE,
                "--max-scheduled-step=" + MOST_STEPS,
                "--abort-thread-after-main-exit",
                "--output=" + report));
        assertTrue(
                Pattern.compile("Run finished\\. Total iter: " + SCHEDULES + ",")
                        .matcher(output)
                        .find(),
                output);
        System.out.println(tasks + ": " + SCHEDULES + " schedules of " + SCHEDULER);
    }

    private static String run(List<String> words) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), () -> words + ":\n" + output);
        return output;
    }

    private static Path jar(String prefix) {
        List<Path> found = jars(prefix).toList();
        assertEquals(1, found.size(), () -> prefix + ": " + found);
        return found.getFirst();
    }

    private static Stream<Path> jars(String prefix) {
        return Stream.of(CLASS_PATH.split(File.pathSeparator))
                .map(Path::of)
                .filter(path -> path.getFileName().toString().startsWith(prefix));
    }
}
