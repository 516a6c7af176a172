package dev.palimpsest.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Where data sets lie when the user names no folder. */
final class Folders {
    private static final Path SYSTEM = Path.of("/usr/share/datasets");

    private Folders() {}

    /** The user's cache, then the system's folder. */
    static List<Path> usual(String name) {
        return usual(name, System.getenv(), Path.of(System.getProperty("user.home")));
    }

    static List<Path> usual(String name, Map<String, String> environment, Path home) {
        return List.of(cache(environment, home).resolve(name), SYSTEM.resolve(name));
    }

    /** The user's cache, which need not exist. */
    static Path cache() {
        return cache(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    private static Path cache(Map<String, String> environment, Path home) {
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The XDG specification: a relative path there is to be ignored.
        return (Path.of(cache).isAbsolute() ? Path.of(cache) : home.resolve(".cache")).resolve("palimpsest");
    }

    static String joined(List<Path> folders) {
        return folders.stream().map(Path::toString).collect(Collectors.joining(" and "));
    }
}
