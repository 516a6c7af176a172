package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Controls the doubles of libcuda, NVRTC, cuBLAS and cuDNN that stand in for a GPU. There is one machine a process: a
 * test begins with {@link #reset}. What this proves, and what only a GPU can show, is in
 * src/test/native/driver/README.md.
 */
public final class DriverDouble {
    /** Where the build leaves the doubles, under the names of NVIDIA's libraries. */
    public static final Path FOLDER = Path.of("target/driver").toAbsolutePath();

    private static final SymbolLookup DRIVER = library("libcuda.so.1");
    private static final MethodHandle RESET = handle("double_reset", FunctionDescriptor.ofVoid());
    private static final MethodHandle CLEAR = handle("double_clear", FunctionDescriptor.ofVoid());
    private static final MethodHandle SET = handle("double_set", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle SET_VISIBLE = handle("double_set_visible", FunctionDescriptor.ofVoid(ADDRESS));
    private static final MethodHandle FAIL =
            handle("double_fail", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    private static final MethodHandle GET = handle("double_get", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
    private static final MethodHandle TEXT =
            handle("double_text", FunctionDescriptor.of(JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG));

    private DriverDouble() {}

    /** What can be imitated about the machine; takes effect at the next cuInit or context. */
    public enum Setting {
        /** How many GPUs; 1 after a reset, 0 for none. */
        DEVICES,
        /** As cuDriverGetVersion gives it: 13000 after a reset. */
        DRIVER_VERSION,
        /** Major and minor together: 90 after a reset. */
        CAPABILITY,
        /** Bytes on each device: 8 GiB after a reset. */
        MEMORY,
        /** Bytes of shared memory that a block may be allowed to take. */
        SHARED_LIMIT,
        /** 0: streams do their work at once. Others draw when it happens, as late as the program's waits allow. */
        SEED
    }

    /** Loads the doubles, so that whoever looks for NVIDIA's libraries in this process finds them. */
    public static void load() {
        List.of("libnvrtc.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcudnn.so.9")
                .forEach(DriverDouble::library);
    }

    /** A new machine: all settings back, nothing allocated. Handles from before are unknown from here on. */
    public static void reset() {
        call(() -> {
            RESET.invokeExact();
        });
    }

    /** Forgets counts, planned failures, launches and faults; what is live stays and stays counted. */
    public static void clear() {
        call(() -> {
            CLEAR.invokeExact();
        });
    }

    public static void set(Setting setting, long value) {
        named(setting.name().toLowerCase(Locale.ROOT), name -> assertEquals(0, (int) SET.invokeExact(name, value)));
    }

    /** As CUDA_VISIBLE_DEVICES would; empty for all. */
    public static void setVisibleDevices(String devices) {
        named(devices, list -> {
            SET_VISIBLE.invokeExact(list);
        });
    }

    /**
     * The nth call from now of a function of cuda.h (without _v2), cuBLAS or cuDNN returns the error; "*" is any
     * function.
     */
    public static void fail(String function, long nth, int error) {
        fail(function, nth, 1, error, false);
    }

    /**
     * From the nth call on (1 is the next), {@code times} calls return the error, below 0 all. {@code lasting}: the
     * context is lost, and every later call in it returns the error too.
     */
    public static void fail(String function, long nth, long times, int error, boolean lasting) {
        named(function, name -> {
            FAIL.invokeExact(name, nth, times, error, lasting ? 1 : 0);
        });
    }

    /** Calls of a function, launches of a kernel, or a counter of README.md; 0 where nothing was counted. */
    public static long count(String counter) {
        long[] value = new long[1];
        named(counter, name -> value[0] = (long) GET.invokeExact(name));
        return value[0];
    }

    /** What is live and what went wrong, a line each; empty if all is well. */
    public static String report() {
        return text("report");
    }

    /** The kernels that were launched since the last reset or clear, in order, with their shapes. */
    public static List<String> launches() {
        return text("launches").lines().toList();
    }

    /** The kernels that the double can launch. */
    static List<String> kernels() {
        return text("kernels").lines().toList();
    }

    /** Nothing of the driver's, cuBLAS's or cuDNN's is left, and nothing was abandoned or went wrong on the device. */
    public static void assertNothingLeaked() {
        assertEquals(0, count("live"), DriverDouble::report);
        assertEquals(0, count("abandoned"), DriverDouble::report);
        assertEquals(0, count("faults"), DriverDouble::report);
    }

    static SymbolLookup library(String file) {
        Path path = FOLDER.resolve(file);
        assertTrue(Files.isRegularFile(path), path + " is missing: mvn process-test-classes builds it");
        return SymbolLookup.libraryLookup(path, Arena.global());
    }

    private static String text(String which) {
        String[] text = new String[1];
        named(which, name -> {
            long length = (long) TEXT.invokeExact(name, MemorySegment.NULL, 0L);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(length + 1);
                long written = (long) TEXT.invokeExact(name, buffer, length + 1);
                assertEquals(length, written);
                text[0] = buffer.getString(0);
            }
        });
        return text[0];
    }

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(DRIVER.findOrThrow(name), descriptor);
    }

    private interface Body {
        void run() throws Throwable;
    }

    private interface NamedBody {
        void run(MemorySegment name) throws Throwable;
    }

    private static void named(String name, NamedBody body) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(name);
            call(() -> body.run(text));
        }
    }

    private static void call(Body body) {
        try {
            body.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
