package dev.palimpsest.kernel.ffi;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Puts native libraries from the class path into a folder where the loader finds them. */
public final class NativeFiles {
    private NativeFiles() {}

    /** Unpacks the named resources of a folder into a private folder of this process. @throws IOException if one is missing or cannot be written */
    public static Path unpack(String folder, List<String> names) throws IOException {
        Path to = Files.createTempDirectory("palimpsest-");
        to.toFile().deleteOnExit();
        for (String name : names) {
            try (InputStream in = NativeFiles.class.getClassLoader().getResourceAsStream(folder + "/" + name)) {
                if (in == null) {
                    throw new FileNotFoundException(folder + "/" + name + " is not on the class path");
                }
                Files.copy(in, to.resolve(name));
                to.resolve(name).toFile().deleteOnExit();
            }
        }
        return to;
    }
}
