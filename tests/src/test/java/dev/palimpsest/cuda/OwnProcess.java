package dev.palimpsest.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Java processes for what no JVM can undo: the libraries that it has loaded, and the classes on its path. */
final class OwnProcess {
    /** The doubles' folder, known without loading them into this process as {@link DriverDouble} would. */
    static final Path DOUBLES = Path.of("target/driver").toAbsolutePath();

    private final List<String> words = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

    /** @param temporary where it unpacks */
    OwnProcess(Path temporary) {
        words.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Djava.io.tmpdir=" + temporary));
    }

    OwnProcess with(String... options) {
        words.addAll(List.of(options));
        return this;
    }

    OwnProcess libraries(Path folder) {
        return with("-D" + CudaOptions.LIBRARIES + "=" + folder);
    }

    OwnProcess environment(String name, String value) {
        environment.put(name, value);
        return this;
    }

    /** Its files hide those of the same name. */
    OwnProcess classPathBefore(Path folder) {
        classPath = folder + File.pathSeparator + classPath;
        return this;
    }

    /** All that it printed; it ended well. */
    String run(Class<?> main, String... arguments) throws IOException, InterruptedException {
        return ends(0, main, arguments);
    }

    /** All that it printed; it ended with this code. */
    String ends(int code, Class<?> main, String... arguments) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(words);
        all.addAll(List.of("-cp", classPath, main.getName()));
        all.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(all).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes());
        assertEquals(code, process.waitFor(), said);
        return said;
    }

    /** Whether the system's linker finds a library. */
    static boolean systemHas(String library) {
        try {
            SymbolLookup.libraryLookup(library, Arena.global());
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
