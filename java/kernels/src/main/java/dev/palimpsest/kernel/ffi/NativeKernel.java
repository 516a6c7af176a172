package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A kernel of the library in C++, for one instruction set. Callers have checked every argument: a status other than OK
 * is a defect, which surfaces as {@link IllegalStateException}. Thread-safe; calls allocate nothing.
 *
 * <p>Besides a kernel's own parameters each call passes {@link Held#MOST} pointers that C never looks at: the JVM keeps
 * the arenas of pointers that it passes open until the call returns, but knows nothing of addresses within a struct.
 * The caller of a function cleans up its arguments on x86-64, so that those too many are harmless.
 */
public final class NativeKernel {
    private final String name;
    private final int isa;
    private final NativeStruct struct;
    private final MethodHandle function;
    /** Null until somebody asks for scratch, which not every kernel has. */
    private volatile @Nullable MethodHandle scratch;

    private NativeKernel(String name, int isa, FunctionDescriptor descriptor) {
        this.name = name;
        this.isa = isa;
        this.struct = NativeLibrary.struct("palimpsest_" + name + "_args");
        MemoryLayout[] held = new MemoryLayout[Held.MOST];
        Arrays.fill(held, ADDRESS);
        this.function = NativeLibrary.function(name, descriptor.appendArgumentLayouts(held));
    }

    /**
     * A kernel over rows.
     *
     * @param name as in {@code feature_mse}
     * @param isa number of palimpsest_isa; this machine has it
     * @return the kernel, for {@link #rows}
     */
    public static NativeKernel overRows(String name, int isa) {
        return new NativeKernel(
                name, isa, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    }

    /**
     * A kernel over a range of independent parts.
     *
     * @param name as in {@code snapshot_reconstruction}
     * @param isa number of palimpsest_isa; this machine has it
     * @return the kernel, for {@link #range}
     */
    public static NativeKernel overRange(String name, int isa) {
        return new NativeKernel(name, isa, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    }

    /**
     * The struct of the kernel's arguments.
     *
     * @return {@code palimpsest_NAME_args}
     */
    public NativeStruct arguments() {
        return struct;
    }

    /**
     * Scratch that one thread needs.
     *
     * @param arguments of the call; only sizes and class ranges are looked at
     * @return bytes
     */
    public long scratchBytes(MemorySegment arguments) {
        MethodHandle known = scratch;
        if (known == null) {
            known = NativeLibrary.function(name + "_scratch", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
            scratch = known;
        }
        long bytes;
        try {
            bytes = (long) known.invokeExact(arguments);
        } catch (Throwable e) {
            throw NativeLibrary.unexpected(e);
        }
        if (bytes < 0) {
            throw new IllegalStateException("libpalimpsest refused its arguments");
        }
        return bytes;
    }

    /**
     * Computes the rows [begin, end).
     *
     * @param arguments filled {@link #arguments()}
     * @param begin first row
     * @param end the row after the last
     * @param scratch of the calling thread, {@link #scratchBytes} bytes aligned to 64
     * @param rowLoss float64 for every row of the call
     * @param held memory that the arguments point to
     * @throws IllegalStateException if held memory was closed
     */
    public void rows(
            MemorySegment arguments, long begin, long end, MemorySegment scratch, MemorySegment rowLoss, Held held) {
        try {
            check((int) function.invokeExact(
                    isa,
                    arguments,
                    begin,
                    end,
                    scratch,
                    rowLoss,
                    held.get(0),
                    held.get(1),
                    held.get(2),
                    held.get(3),
                    held.get(4),
                    held.get(5),
                    held.get(6),
                    held.get(7)));
        } catch (Throwable e) {
            throw NativeLibrary.unexpected(e);
        }
    }

    /**
     * Computes the parts [begin, end).
     *
     * @param arguments filled {@link #arguments()}
     * @param begin first part
     * @param end the part after the last
     * @param held memory that the arguments point to
     * @throws IllegalStateException if held memory was closed
     */
    public void range(MemorySegment arguments, long begin, long end, Held held) {
        try {
            check((int) function.invokeExact(
                    isa,
                    arguments,
                    begin,
                    end,
                    held.get(0),
                    held.get(1),
                    held.get(2),
                    held.get(3),
                    held.get(4),
                    held.get(5),
                    held.get(6),
                    held.get(7)));
        } catch (Throwable e) {
            throw NativeLibrary.unexpected(e);
        }
    }

    private static void check(int status) {
        if (status != 0) {
            throw new IllegalStateException("libpalimpsest refused its arguments with status " + status);
        }
    }
}
