package dev.palimpsest.cuda;

import dev.palimpsest.kernel.ffi.DeclaredKernel;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Parameter;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Work;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A kernel with all that one launch of it takes, checked against the kernel's declaration. Immutable and thread-safe;
 * it can run any number of times, while the memory that it points to lives.
 */
public final class CudaLaunch {
    private final CudaKernel kernel;
    private final int blocks;
    private final int threads;
    private final int sharedBytes;
    /** The arguments one after another, each at the beginning of a word. */
    private final long[] words;

    private CudaLaunch(CudaKernel kernel, long blocks, int threads, int sharedBytes, long[] words) {
        if (blocks < 1 || blocks > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    kernel.name() + " in " + blocks + " blocks: expected 1 to " + Integer.MAX_VALUE);
        }
        this.kernel = kernel;
        this.blocks = (int) blocks;
        this.threads = threads;
        this.sharedBytes = sharedBytes;
        this.words = words;
    }

    static CudaLaunch of(CudaKernel kernel, Object... arguments) {
        DeclaredKernel declared = kernel.declared();
        long[] words = words(kernel, arguments);
        long blocks = 1;
        if (declared.work() == Work.PARAMETER) {
            blocks = declared.blocks(((Number) arguments[declared.workParameter()]).longValue());
        }
        return new CudaLaunch(kernel, blocks, declared.threads(), declared.sharedBytes(), words);
    }

    static CudaLaunch of(CudaKernel kernel, long blocks, int threads, int sharedBytes, Object... arguments) {
        return new CudaLaunch(kernel, blocks, threads, sharedBytes, words(kernel, arguments));
    }

    private static long[] words(CudaKernel kernel, Object[] arguments) {
        DeclaredKernel declared = kernel.declared();
        int count = declared.parameters().size();
        if (arguments.length != count) {
            throw new IllegalArgumentException(
                    "kernel " + declared + " got " + arguments.length + " arguments, expected " + count);
        }
        long[] words = new long[kernel.words()];
        int at = 0;
        for (int i = 0; i < count; i++) {
            Parameter parameter = declared.parameters().get(i);
            if (!write(parameter, arguments[i], words, at)) {
                throw new IllegalArgumentException("argument " + parameter.name() + " of kernel " + declared + " is "
                        + describe(arguments[i]) + ", expected " + expected(parameter));
            }
            at += CudaKernel.words(parameter);
        }
        return words;
    }

    /** Whether the argument is what the parameter takes; if so, it is written. */
    private static boolean write(Parameter parameter, Object argument, long[] words, int at) {
        switch (argument) {
            case Long value when parameter.type() == DeclaredKernel.Type.INT64 -> words[at] = value;
            case Integer value when parameter.type() == DeclaredKernel.Type.INT64 -> words[at] = value;
            case Integer value
            when parameter.type() == DeclaredKernel.Type.INT32 -> words[at] = Integer.toUnsignedLong(value);
            case Float value
            when parameter.type() == DeclaredKernel.Type.FLOAT32 ->
                words[at] = Integer.toUnsignedLong(Float.floatToRawIntBits(value));
            case Double value
            when parameter.type() == DeclaredKernel.Type.FLOAT64 -> words[at] = Double.doubleToRawLongBits(value);
            case Long address
            when parameter.type() == DeclaredKernel.Type.ADDRESS -> {
                words[at] = address;
                return address % parameter.alignment() == 0 && (address != 0 || parameter.isNullable());
            }
            case MemorySegment struct
            when parameter.type() == DeclaredKernel.Type.STRUCT -> {
                if (struct.byteSize() != parameter.bytes()) {
                    return false;
                }
                MemorySegment.copy(struct, ValueLayout.JAVA_LONG, 0, words, at, CudaKernel.words(parameter));
            }
            case null, default -> {
                return false;
            }
        }
        return true;
    }

    private static String describe(Object argument) {
        return switch (argument) {
            case null -> "null";
            case MemorySegment segment -> "memory of " + segment.byteSize() + " bytes";
            default -> "the " + argument.getClass().getSimpleName() + " " + argument;
        };
    }

    private static String expected(Parameter parameter) {
        return switch (parameter.type()) {
            case ADDRESS ->
                "a Long: a device address aligned to " + parameter.alignment() + " bytes"
                        + (parameter.isNullable() ? " or 0" : ", not 0");
            case INT64 -> "a Long or an Integer";
            case INT32 -> "an Integer";
            case FLOAT32 -> "a Float";
            case FLOAT64 -> "a Double";
            case STRUCT -> "memory of " + parameter.bytes() + " bytes";
        };
    }

    /**
     * Queues the launch; waits for nothing. What the arguments were when the launch was made is what the device gets.
     *
     * @param stream that the kernel runs on
     * @throws CudaException of kind LAUNCH if the device refuses it
     */
    public void run(CudaStream stream) {
        kernel.launch(stream, blocks, threads, sharedBytes, MemorySegment.ofArray(words));
    }
}
