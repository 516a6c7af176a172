package dev.palimpsest.fuzz;

import java.io.IOException;
import java.nio.file.Path;

/** What Jazzer calls with each input that it makes up: one reader, in a folder with the other files that it reads. */
public final class FuzzTarget {
    private static Reader reader;
    private static Path folder;

    private FuzzTarget() {}

    /** @param arguments the reader's name and a folder for it */
    public static void fuzzerInitialize(String[] arguments) throws IOException {
        reader = Reader.valueOf(arguments[0]);
        folder = Path.of(arguments[1]);
        // Classes are loaded and instrumented before the time runs.
        for (byte[] seed : reader.seeds(folder)) {
            reader.read(folder, seed);
        }
    }

    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        reader.read(folder, bytes);
    }
}
