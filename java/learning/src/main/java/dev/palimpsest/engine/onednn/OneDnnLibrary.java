package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.EngineException;
import dev.palimpsest.kernel.ffi.NativeFiles;
import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds and loads oneDNN and the OpenMP library that it runs on. */
final class OneDnnLibrary {
    private static @Nullable SymbolLookup library;

    private OneDnnLibrary() {}

    /** Loaded once per process. */
    static synchronized SymbolLookup load() {
        if (library == null) {
            library = load("org/bytedeco/dnnl/linux-x86_64");
        }
        return library;
    }

    /** @param folder on the class path */
    static SymbolLookup load(String folder) {
        try {
            Path files = NativeFiles.unpack(folder, List.of("libgomp.so.1", "libdnnl.so.3"));
            SymbolLookup openMp = NativeFiles.load(files.resolve("libgomp.so.1"));
            return NativeFiles.load(files.resolve("libdnnl.so.3")).or(openMp);
        } catch (IOException | IllegalArgumentException e) {
            String why = String.valueOf(e.getMessage());
            throw new EngineException(
                    "oneDNN, which computes the layers on the CPU, could not be loaded"
                            + (why.contains("java.io.tmpdir") // says what to do
                                    ? ": " + why
                                    : " (" + why
                                            + "): put org.bytedeco:dnnl:linux-x86_64 on the class path and libstdc++6"
                                            + " on the machine"),
                    e);
        }
    }
}
