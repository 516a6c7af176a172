package dev.palimpsest.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The golden cases: the project's own copy, or those in the folder given by {@code -Dpalimpsest.golden=DIR}. */
public final class Golden {
    private Golden() {}

    /** Every case of one kind, {@code kind.*.safetensors}, or {@code kind.safetensors} alone. Fails if there is none. */
    public static List<Path> cases(String kind) {
        Path folder = folder();
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> cases = files.filter(file -> isCase(file.getFileName().toString(), kind)).sorted().toList();
            if (cases.isEmpty()) {
                throw new IllegalStateException("no golden case " + kind + ".*.safetensors in " + folder);
            }
            return cases;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isCase(String file, String kind) {
        return file.startsWith(kind + ".") && file.endsWith(".safetensors");
    }

    private static Path folder() {
        String given = System.getProperty("palimpsest.golden");
        try {
            return given != null ? Path.of(given) : Path.of(Golden.class.getResource("/golden").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
