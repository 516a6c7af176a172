package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.engine.EngineException;
import dev.palimpsest.kernel.ffi.NativeFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds and loads oneDNN and the OpenMP library that it runs on. */
final class OneDnnLibrary {
    private static final Linker LINKER = Linker.nativeLinker();
    private static @Nullable SymbolLookup library;

    private OneDnnLibrary() {}

    /**
     * Loaded once per process. Waiting OpenMP threads must sleep: with the default they spin, and on a shared core a
     * step gets several times slower.
     */
    static synchronized SymbolLookup load(int threads) {
        if (library == null) {
            try (Arena temporary = Arena.ofConfined()) {
                MethodHandle setenv = LINKER.downcallHandle(
                        LINKER.defaultLookup().findOrThrow("setenv"),
                        FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
                int keepTheUsers = 0;
                int ignored = (int) setenv.invokeExact(
                        temporary.allocateFrom("OMP_WAIT_POLICY"), temporary.allocateFrom("passive"), keepTheUsers);
                ignored = (int) setenv.invokeExact(
                        temporary.allocateFrom("OMP_NUM_THREADS"), temporary.allocateFrom("" + threads), keepTheUsers);
            } catch (Throwable e) {
                throw new EngineException("OpenMP's settings could not be made: " + e, e);
            }
            library = load("org/bytedeco/dnnl/linux-x86_64");
        }
        return library;
    }

    /** @param folder on the class path */
    static SymbolLookup load(String folder) {
        try {
            Path files = NativeFiles.unpack(folder, List.of("libgomp.so.1", "libdnnl.so.3"));
            SymbolLookup openMp = SymbolLookup.libraryLookup(files.resolve("libgomp.so.1"), Arena.global());
            return SymbolLookup.libraryLookup(files.resolve("libdnnl.so.3"), Arena.global())
                    .or(openMp);
        } catch (IOException | IllegalArgumentException e) {
            throw new EngineException(
                    "oneDNN, which computes the layers on the CPU, could not be loaded (" + e.getMessage()
                            + "): put org.bytedeco:dnnl:linux-x86_64 on the class path and libstdc++6 on the machine",
                    e);
        }
    }
}
