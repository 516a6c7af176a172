package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import dev.palimpsest.kernel.ffi.NativeStruct;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/** What libpalimpsest says about how to launch a kernel for a shape: a {@code palimpsest_cuda_launch}. */
final class LaunchPlan {
    private static final int OK = 0;

    private final MethodHandle function;
    private final MemorySegment memory;
    private final Field variant;
    private final Field blocks;
    private final Field threads;
    private final Field sharedBytes;

    /**
     * @param kernel as in {@code feature_mse}
     * @param sizes how many of them {@code palimpsest_KERNEL_cuda_launch} takes
     * @throws CudaException of kind UNAVAILABLE if libpalimpsest is not here
     */
    LaunchPlan(String kernel, int sizes) {
        requireLibrary();
        MemoryLayout[] arguments = new MemoryLayout[sizes + 1];
        Arrays.fill(arguments, JAVA_LONG);
        arguments[sizes] = ADDRESS;
        function = NativeLibrary.function(kernel + "_cuda_launch", FunctionDescriptor.of(JAVA_INT, arguments));
        NativeStruct struct = NativeLibrary.struct("palimpsest_cuda_launch");
        memory = struct.allocate(Arena.ofAuto());
        variant = struct.field("variant");
        blocks = struct.field("blocks");
        threads = struct.field("threads");
        sharedBytes = struct.field("shared_bytes");
    }

    /** @throws CudaException of kind UNAVAILABLE if libpalimpsest is not here */
    static void requireLibrary() {
        if (!NativeLibrary.isLoaded()) {
            throw new CudaException(
                    Kind.UNAVAILABLE,
                    "libpalimpsest, which knows how the CUDA kernels are launched, is not here: "
                            + NativeLibrary.description());
        }
    }

    /**
     * Asks for the plan of a shape.
     *
     * @param sizes as many as the constructor was told
     * @return whether there is one
     */
    boolean make(long[] sizes) {
        try {
            // Spelt out: a handle that spreads an array boxes its values.
            int status = switch (sizes.length) {
                case 1 -> (int) function.invokeExact(sizes[0], memory);
                case 4 -> (int) function.invokeExact(sizes[0], sizes[1], sizes[2], sizes[3], memory);
                case 5 -> (int) function.invokeExact(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], memory);
                default -> throw new IllegalArgumentException(sizes.length + " sizes: expected 1, 4 or 5");
            };
            return status == OK;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    int variant() {
        return Math.toIntExact(variant.get(memory));
    }

    long blocks() {
        return blocks.get(memory);
    }

    int threads() {
        return Math.toIntExact(threads.get(memory));
    }

    int sharedBytes() {
        return Math.toIntExact(sharedBytes.get(memory));
    }
}
