package dev.palimpsest.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.DeclaredKernel;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Parameter;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Work;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/**
 * A kernel that is loaded on a device, with what libpalimpsest's list says about it: which arguments it takes and in
 * which blocks it runs. Thread-safe.
 */
public final class CudaKernel {
    /** More shared memory than this a kernel must be allowed to take. */
    private static final int ALWAYS_ALLOWED = 48 << 10;

    private final DeclaredKernel declared;
    private final CUfunction function;
    /** Where the driver finds the arguments; filled whole by every launch, and read before the launch returns. */
    private final MemorySegment block;

    private final Pointer pointers;
    private int allowedShared = ALWAYS_ALLOWED;

    CudaKernel(DeclaredKernel declared, CUfunction function) {
        this.declared = declared;
        this.function = function;
        long[] offsets = new long[declared.parameters().size()];
        long words = 0;
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = Long.BYTES * words;
            words += words(declared.parameters().get(i));
        }
        block = Arena.ofAuto().allocate(Long.BYTES * words, 16);
        Pointer[] each = new Pointer[offsets.length];
        for (int i = 0; i < offsets.length; i++) {
            each[i] = Pointer.to(
                    block.asSlice(offsets[i], declared.parameters().get(i).bytes())
                            .asByteBuffer());
        }
        pointers = Pointer.to(each);
    }

    /** Words of 8 bytes that an argument takes in the block. */
    static int words(Parameter parameter) {
        return Math.ceilDiv(parameter.bytes(), Long.BYTES);
    }

    DeclaredKernel declared() {
        return declared;
    }

    /** The size of the block of arguments in words of 8 bytes. */
    int words() {
        return (int) (block.byteSize() / Long.BYTES);
    }

    /**
     * The kernel's name.
     *
     * @return for example {@code add_relu}
     */
    public String name() {
        return declared.name();
    }

    /**
     * Work items that a block takes, for callers that say themselves which block does what.
     *
     * @return at least 1
     */
    public int itemsOfBlock() {
        return declared.items();
    }

    /**
     * A launch in as many blocks as the kernel's own argument asks for.
     *
     * @param arguments one for each parameter: a {@code Long} for an address, an {@code Integer} or {@code Long} for
     *     an int64, an {@code Integer} for an int32, a {@code Float}, a {@code Double}, a {@code MemorySegment} for a
     *     struct
     * @return the launch
     * @throws IllegalArgumentException if there are too many or too few arguments, one is of the wrong type, or an
     *     address is null or not aligned
     */
    public Launch with(Object... arguments) {
        return switch (declared.work()) {
            case PARAMETER, ONE -> Launch.of(this, arguments);
            case GIVEN -> throw new IllegalArgumentException(name() + " needs its number of blocks: use withBlocks");
            case PLAN -> throw new IllegalArgumentException(name() + " is launched by a plan of libpalimpsest");
        };
    }

    /**
     * A launch of a kernel whose blocks the caller counts.
     *
     * @param blocks at least 1
     * @param arguments see {@link #with}
     * @return the launch
     * @throws IllegalArgumentException as {@link #with} does, or if the kernel knows its blocks itself
     */
    public Launch withBlocks(long blocks, Object... arguments) {
        if (declared.work() != Work.GIVEN) {
            throw new IllegalArgumentException(name() + " knows its number of blocks: use with");
        }
        return Launch.of(this, blocks, declared.threads(), declared.sharedBytes(), arguments);
    }

    /** Queues a launch that libpalimpsest has planned; allocates nothing. */
    void launch(CudaStream stream, LaunchPlan plan, ArgumentBlock arguments) {
        requireWork(Work.PLAN);
        launch(stream, (int) plan.blocks(), plan.threads(), plan.sharedBytes(), arguments.of(declared));
    }

    /** Queues a launch in a single block; allocates nothing. */
    void launch(CudaStream stream, ArgumentBlock arguments) {
        requireWork(Work.ONE);
        launch(stream, 1, declared.threads(), declared.sharedBytes(), arguments.of(declared));
    }

    private void requireWork(Work wanted) {
        if (declared.work() != wanted) {
            throw new IllegalArgumentException(
                    "kernel " + declared + " is launched by " + declared.work() + ", not by " + wanted);
        }
    }

    /** Queues a launch whose arguments were checked. */
    synchronized void launch(CudaStream stream, int blocks, int threads, int sharedBytes, MemorySegment arguments) {
        if (sharedBytes > allowedShared) {
            int status = JCudaDriver.cuFuncSetAttribute(
                    function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
            if (status != 0) {
                throw refused(status, blocks, threads, sharedBytes);
            }
            allowedShared = sharedBytes;
        }
        block.copyFrom(arguments);
        int status = JCudaDriver.cuLaunchKernel(
                function, blocks, 1, 1, threads, 1, 1, sharedBytes, stream.handle(), pointers, null);
        if (status != 0) {
            throw refused(status, blocks, threads, sharedBytes);
        }
    }

    private CudaException refused(int status, int blocks, int threads, int sharedBytes) {
        String launch = "launching palimpsest_cuda_" + name() + " (" + blocks + " blocks of " + threads
                + " threads and " + sharedBytes + " bytes of shared memory)";
        CudaException why = Driver.failure(status, launch);
        return why.kind() == Kind.LOST ? why : new CudaException(Kind.LAUNCH, why.getMessage());
    }

    /**
     * A kernel with all that one launch of it takes, checked against the kernel's declaration. Immutable and
     * thread-safe; it can run any number of times, while the memory that it points to lives.
     */
    public static final class Launch {
        private final CudaKernel kernel;
        private final int blocks;
        private final int threads;
        private final int sharedBytes;
        /** The arguments one after another, each at the beginning of a word. */
        private final long[] words;

        private Launch(CudaKernel kernel, long blocks, int threads, int sharedBytes, long[] words) {
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

        static Launch of(CudaKernel kernel, Object... arguments) {
            DeclaredKernel declared = kernel.declared();
            long[] words = words(kernel, arguments);
            long blocks = 1;
            if (declared.work() == Work.PARAMETER) {
                blocks = declared.blocks(((Number) arguments[declared.workParameter()]).longValue());
            }
            return new Launch(kernel, blocks, declared.threads(), declared.sharedBytes(), words);
        }

        static Launch of(CudaKernel kernel, long blocks, int threads, int sharedBytes, Object... arguments) {
            return new Launch(kernel, blocks, threads, sharedBytes, words(kernel, arguments));
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
                    throw new IllegalArgumentException("argument " + parameter.name() + " of kernel " + declared
                            + " is " + describe(arguments[i]) + ", expected " + expected(parameter));
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
         * Queues the launch; waits for nothing. What the arguments were when the launch was made is what the device
         * gets.
         *
         * @param stream that the kernel runs on
         * @throws CudaException of kind LAUNCH if the device refuses it
         */
        public void run(CudaStream stream) {
            kernel.launch(stream, blocks, threads, sharedBytes, MemorySegment.ofArray(words));
        }
    }
}
