package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * libpalimpsest: loaded once, from the class or module path or from {@code -Dpalimpsest.native=PATH}. What it has is
 * read from its own lists, so nothing about its kernels is written twice. Thread-safe.
 */
public final class NativeLibrary {
    private static final int ABI_VERSION = 3;
    private static final String FOLDER = "dev/palimpsest/native/linux-x86_64";
    private static final String FILE = "libpalimpsest.so";

    private static final @Nullable SymbolLookup LIBRARY;
    private static final String DESCRIPTION;
    /** Why the library that -Dpalimpsest.native names is none; null if there is no such trouble. */
    private static final @Nullable String REFUSED;

    static {
        @Nullable SymbolLookup library = null;
        String description;
        String refused = null;
        String path = System.getProperty("palimpsest.native");
        try {
            Path file = path != null
                    ? Path.of(path).toAbsolutePath()
                    : NativeFiles.unpack(FOLDER, List.of(FILE)).resolve(FILE);
            library = NativeFiles.load(file);
            requireVersion(library);
            description = file + ", built by " + compiler(library);
        } catch (FileNotFoundException e) {
            description = "no native library for this platform: " + e.getMessage();
        } catch (IOException | IllegalArgumentException | IllegalCallerException | UnsupportedOperationException e) {
            library = null;
            description = "the native library did not load: " + e.getMessage();
            // Somebody who names a library wants that one, not a silent fallback. Thrown by whoever asks for it: the
            // initialiser of a class would wrap it.
            if (path != null) {
                refused = "-Dpalimpsest.native=" + path + " cannot be loaded (" + e.getMessage()
                        + "): name a libpalimpsest.so that cmake built of native/, or leave the option out";
            }
        }
        LIBRARY = library;
        DESCRIPTION = description;
        REFUSED = refused;
    }

    /** Read when first asked for: whoever computes on the CPU in Java needs none of it. */
    private static final class Tables {
        private static final Map<String, NativeStruct> STRUCTS;
        private static final List<DeclaredKernel> CUDA_KERNELS;

        static {
            try {
                STRUCTS = NativeTables.structs(name -> symbol(loaded(), name));
                CUDA_KERNELS = NativeTables.kernels(name -> symbol(loaded(), name), STRUCTS);
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }
    }

    private NativeLibrary() {}

    private static SymbolLookup loaded() {
        requireNamed();
        if (LIBRARY == null) {
            throw new UnsupportedOperationException(DESCRIPTION);
        }
        return LIBRARY;
    }

    private static void requireNamed() {
        if (REFUSED != null) {
            throw new IllegalArgumentException(REFUSED);
        }
    }

    /**
     * Whether the native library is there.
     *
     * @return false where only plain Java runs; {@link #description()} says why
     * @throws IllegalArgumentException if {@code -Dpalimpsest.native} names something else
     */
    public static boolean isLoaded() {
        requireNamed();
        return LIBRARY != null;
    }

    /**
     * Where the library came from and what built it, or why there is none.
     *
     * @return a phrase for people
     */
    public static String description() {
        return DESCRIPTION;
    }

    /**
     * Whether this machine has an instruction set.
     *
     * @param isa number of palimpsest_isa
     * @return true if it has
     */
    public static boolean supports(int isa) {
        MethodHandle supported = function("isa_supported", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try {
            return (int) supported.invokeExact(isa) == 1;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * A struct of palimpsest.h.
     *
     * @param name in C, as in {@code palimpsest_feature_mse_args}
     * @return its layout
     * @throws IllegalArgumentException if the library lists no such struct
     */
    public static NativeStruct struct(String name) {
        NativeStruct struct = Tables.STRUCTS.get(name);
        if (struct == null) {
            throw new IllegalArgumentException("libpalimpsest lists no struct " + name);
        }
        return struct;
    }

    /**
     * The CUDA kernels of the library's list.
     *
     * @return all of them, in the list's order
     */
    public static List<DeclaredKernel> cudaKernels() {
        return Tables.CUDA_KERNELS;
    }

    /**
     * A function of palimpsest.h.
     *
     * @param name without {@code palimpsest_}
     * @param descriptor its signature
     * @return a handle to call it by
     * @throws UnsupportedOperationException if the library is not loaded or lacks the function
     */
    public static MethodHandle function(String name, FunctionDescriptor descriptor) {
        return handle(symbol(loaded(), name), descriptor);
    }

    /** What a call into C cannot throw, except where something is broken. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException known) {
            return known;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(e);
    }

    static MethodHandle handle(MemorySegment symbol, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(symbol, descriptor);
    }

    private static MemorySegment symbol(SymbolLookup library, String name) {
        return library.find("palimpsest_" + name)
                .orElseThrow(() -> new UnsupportedOperationException("it lacks the function palimpsest_" + name));
    }

    private static void requireVersion(SymbolLookup library) {
        int version;
        try {
            version = (int) handle(symbol(library, "abi_version"), FunctionDescriptor.of(JAVA_INT))
                    .invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
        if (version != ABI_VERSION) {
            throw new UnsupportedOperationException(
                    "its interface has version " + version + ", expected " + ABI_VERSION + ": rebuild it");
        }
    }

    private static String compiler(SymbolLookup library) {
        try {
            MemorySegment text = (MemorySegment) handle(symbol(library, "compiler"), FunctionDescriptor.of(ADDRESS))
                    .invokeExact();
            return text.reinterpret(200).getString(0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }
}
