package dev.palimpsest.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Inputs that Jazzer makes up for each reader, guided by what of Palimpsest's code they reach; see README.md. What
 * reaches something new is kept in target/fuzz for the next time, findings where {@link ReadersTest} reads them again.
 */
@Execution(ExecutionMode.CONCURRENT)
class FuzzedReaders {
    private static final int SECONDS = Integer.getInteger("fuzz.seconds", 2);
    /** The same inputs in every build, but for how many of them the seconds allow. */
    private static final int SEED = Integer.getInteger("fuzz.seed", 1);

    private static final Path KEPT = Path.of("target/fuzz").toAbsolutePath();
    private static final Pattern DONE = Pattern.compile("(?m)^Done (\\d+) runs in .*$");

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @EnumSource(Reader.class)
    void readOrRefuseWhatIsMadeUp(Reader reader) throws Exception {
        Path seeds = Files.createDirectory(temporary.resolve("seeds"));
        for (byte[] seed : reader.seeds(Files.createDirectory(temporary.resolve("seeded")))) {
            Files.write(Files.createTempFile(seeds, "seed", ""), seed);
        }
        Path corpus = Files.createDirectories(KEPT.resolve(reader.name()));
        Path findings = Files.createDirectories(reader.findings());
        Path output = KEPT.resolve(reader + ".log");
        int code = new ProcessBuilder(command(reader, List.of(corpus, seeds, findings)))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start()
                .waitFor();
        String log = Files.readString(output);
        removeIfEmpty(findings);
        assertEquals(0, code, () -> reader + ": see " + output + "; the input, if one is to blame, is in " + findings);
        Matcher done = DONE.matcher(log);
        if (!done.find()) {
            fail(reader + " was not tried: see " + output);
        }
        System.out.println(reader + ": " + done.group());
    }

    private List<String> command(Reader reader, List<Path> corpora) throws IOException {
        Path folder = Files.createDirectory(temporary.resolve("read"));
        List<String> words = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx600m",
                "-XX:+UseSerialGC",
                "-XX:+EnableDynamicAgentLoading",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + FuzzTarget.class.getName(),
                "--target_args=" + reader + " " + folder,
                "--instrumentation_includes=dev.palimpsest.**",
                "--custom_hook_includes=dev.palimpsest.**",
                // Lists of images and recipes may name any file: it is their user who writes them.
                "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.FilePathTraversal",
                "--reproducer_path=" + folder,
                "-max_total_time=" + SECONDS,
                "-seed=" + SEED,
                "-timeout=60",
                "-report_slow_units=60",
                "-rss_limit_mb=3000",
                "-use_value_profile=1",
                "-reload=0",
                "-artifact_prefix=" + corpora.getLast() + "/"));
        corpora.forEach(corpus -> words.add(corpus.toString()));
        return words;
    }

    private static void removeIfEmpty(Path folder) throws IOException {
        boolean empty;
        try (Stream<Path> files = Files.list(folder)) {
            empty = files.findAny().isEmpty();
        }
        if (empty) {
            Files.delete(folder);
        }
    }
}
