package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/**
 * libpalimpsest: loaded once, from the jar or from {@code -Dpalimpsest.native=PATH}. The functions are those of
 * palimpsest.h; callers have checked every argument, and a status other than OK is a defect that surfaces as
 * {@link IllegalStateException}.
 */
public final class NativeLibrary {
    private static final int ABI_VERSION = 1;
    private static final String FOLDER = "dev/palimpsest/native/linux-x86_64";
    private static final String FILE = "libpalimpsest.so";

    private static final Functions FUNCTIONS;
    private static final String DESCRIPTION;

    static {
        Functions functions = null;
        String description;
        String path = System.getProperty("palimpsest.native");
        try {
            Path file = path != null
                    ? Path.of(path).toAbsolutePath()
                    : NativeFiles.unpack(FOLDER, List.of(FILE)).resolve(FILE);
            functions = new Functions(SymbolLookup.libraryLookup(file, Arena.global()));
            description = file + ", built by " + functions.compiler();
        } catch (FileNotFoundException e) {
            description = "no native library for this platform: " + e.getMessage();
        } catch (IOException | IllegalArgumentException | IllegalCallerException | UnsupportedOperationException e) {
            // Somebody who names a library wants that one, not a silent fallback.
            if (path != null) {
                throw new IllegalArgumentException(
                        "-Dpalimpsest.native=" + path + " cannot be loaded: " + e.getMessage(), e);
            }
            description = "the native library did not load: " + e.getMessage();
        }
        FUNCTIONS = functions;
        DESCRIPTION = description;
    }

    private NativeLibrary() {}

    public static boolean isLoaded() {
        return FUNCTIONS != null;
    }

    /** Where the library came from and what built it, or why there is none. */
    public static String description() {
        return DESCRIPTION;
    }

    public static boolean supports(int isa) {
        try {
            return (int) FUNCTIONS.isaSupported.invokeExact(isa) == 1;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    public static long multiTeacherKlScratch(MemorySegment args) {
        return scratch(FUNCTIONS.multiTeacherKlScratch, args);
    }

    public static void multiTeacherKl(
            int isa, MemorySegment args, long begin, long end, MemorySegment scratch, MemorySegment rowLoss) {
        try {
            check((int) FUNCTIONS.multiTeacherKl.invokeExact(isa, args, begin, end, scratch, rowLoss));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    public static long featureMseScratch(MemorySegment args) {
        return scratch(FUNCTIONS.featureMseScratch, args);
    }

    public static void featureMse(
            int isa, MemorySegment args, long begin, long end, MemorySegment scratch, MemorySegment rowLoss) {
        try {
            check((int) FUNCTIONS.featureMse.invokeExact(isa, args, begin, end, scratch, rowLoss));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    public static void snapshotReconstruction(int isa, MemorySegment args, long wordBegin, long wordEnd) {
        try {
            check((int) FUNCTIONS.snapshotReconstruction.invokeExact(isa, args, wordBegin, wordEnd));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * Writes a {@code palimpsest_cuda_launch}.
     *
     * @return whether a launch is possible
     */
    public static boolean multiTeacherKlCudaLaunch(
            long rows, long classes, long widest, long teachers, long sharedLimit, MemorySegment launch) {
        try {
            return (int) FUNCTIONS.multiTeacherKlCudaLaunch.invokeExact(
                            rows, classes, widest, teachers, sharedLimit, launch)
                    == 0;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * Writes a {@code palimpsest_cuda_launch}.
     *
     * @return whether a launch is possible
     */
    public static boolean featureMseCudaLaunch(
            long rows, long dims, long teachers, long sharedLimit, MemorySegment launch) {
        try {
            return (int) FUNCTIONS.featureMseCudaLaunch.invokeExact(rows, dims, teachers, sharedLimit, launch) == 0;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * Writes a {@code palimpsest_cuda_launch}.
     *
     * @return whether a launch is possible
     */
    public static boolean snapshotReconstructionCudaLaunch(long count, MemorySegment launch) {
        try {
            return (int) FUNCTIONS.snapshotReconstructionCudaLaunch.invokeExact(count, launch) == 0;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static long scratch(MethodHandle function, MemorySegment args) {
        long bytes;
        try {
            bytes = (long) function.invokeExact(args);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        if (bytes < 0) {
            throw new IllegalStateException("libpalimpsest refused its arguments");
        }
        return bytes;
    }

    private static void check(int status) {
        if (status != 0) {
            throw new IllegalStateException("libpalimpsest refused its arguments with status " + status);
        }
    }

    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException known) {
            return known;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(e);
    }

    /** One method handle a function of palimpsest.h. */
    private static final class Functions {
        private final SymbolLookup library;
        private final MethodHandle isaSupported;
        private final MethodHandle multiTeacherKlScratch;
        private final MethodHandle multiTeacherKl;
        private final MethodHandle featureMseScratch;
        private final MethodHandle featureMse;
        private final MethodHandle snapshotReconstruction;
        private final MethodHandle multiTeacherKlCudaLaunch;
        private final MethodHandle featureMseCudaLaunch;
        private final MethodHandle snapshotReconstructionCudaLaunch;

        Functions(SymbolLookup library) {
            this.library = library;
            int version = version();
            if (version != ABI_VERSION) {
                throw new UnsupportedOperationException(
                        "its interface has version " + version + ", expected " + ABI_VERSION + ": rebuild it");
            }
            isaSupported = function("isa_supported", JAVA_INT, JAVA_INT);
            multiTeacherKlScratch = function("multi_teacher_kl_scratch", JAVA_LONG, ADDRESS);
            multiTeacherKl =
                    function("multi_teacher_kl", JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS);
            featureMseScratch = function("feature_mse_scratch", JAVA_LONG, ADDRESS);
            featureMse = function("feature_mse", JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS);
            snapshotReconstruction =
                    function("snapshot_reconstruction", JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
            multiTeacherKlCudaLaunch = function(
                    "multi_teacher_kl_cuda_launch",
                    JAVA_INT,
                    JAVA_LONG,
                    JAVA_LONG,
                    JAVA_LONG,
                    JAVA_LONG,
                    JAVA_LONG,
                    ADDRESS);
            featureMseCudaLaunch =
                    function("feature_mse_cuda_launch", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
            snapshotReconstructionCudaLaunch =
                    function("snapshot_reconstruction_cuda_launch", JAVA_INT, JAVA_LONG, ADDRESS);
        }

        private MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
            MemorySegment symbol = library.find("palimpsest_" + name)
                    .orElseThrow(() -> new UnsupportedOperationException("it lacks the function palimpsest_" + name));
            return Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(result, arguments));
        }

        private int version() {
            try {
                return (int) function("abi_version", JAVA_INT).invokeExact();
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }

        String compiler() {
            try {
                MemorySegment text =
                        (MemorySegment) function("compiler", ADDRESS).invokeExact();
                return text.reinterpret(200).getString(0);
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }
    }
}
