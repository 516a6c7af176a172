package dev.palimpsest.kernel.passes;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.ffi.Held;
import dev.palimpsest.kernel.ffi.NativeKernel;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sums and ReLU element by element, float32, as palimpsest.h defines them. An operation is bound to memory by one
 * thread and then run over ranges of elements by any; the next may be bound when all have finished. Callers have
 * checked sizes; memory is off-heap.
 */
public final class Elementwise implements AutoCloseable {
    /** What is computed of a and b; in the order of palimpsest_elementwise_operation. */
    public enum Operation {
        /** a + b. */
        ADD,
        /** max(0, a + b). */
        ADD_RELU,
        /** max(0, a); b is not looked at. */
        RELU,
        /** a where b is above 0, else 0. */
        RELU_GRADIENT,
        /** The sum of several arrays, {@link #bindSum}. */
        SUM
    }

    private final Arena arena = Arena.ofShared();
    /** Null for plain Java. */
    private final @Nullable NativeKernel kernel;

    private final MemorySegment args;
    private final Held held = new Held();
    /** What {@link #bind} sets, in the order of its arguments. */
    private final List<Field> fields;

    private final Range range;
    private Operation operation = Operation.ADD;
    private MemorySegment a = MemorySegment.NULL;
    private MemorySegment b = MemorySegment.NULL;
    private MemorySegment out = MemorySegment.NULL;
    private int terms;
    private long stride;

    /**
     * Operations of one implementation.
     *
     * @param implementation that runs on this machine
     */
    public Elementwise(Implementation implementation) {
        if (implementation == Implementation.JAVA) {
            kernel = null;
            args = MemorySegment.NULL;
            fields = List.of();
            range = this::run;
        } else {
            NativeKernel own = NativeKernel.overRange("elementwise", implementation.isa());
            kernel = own;
            args = own.arguments().allocate(arena);
            fields = Stream.of("operation", "count", "a", "b", "out", "terms", "stride")
                    .map(own.arguments()::field)
                    .toList();
            range = (begin, end) -> own.range(args, begin, end, held);
        }
    }

    /**
     * Binds an operation.
     *
     * @param what is computed
     * @param count elements of each
     * @param left a
     * @param right b
     * @param to the result; may be the memory of a or b
     * @return the bound operation
     */
    public Range bind(Operation what, long count, MemorySegment left, MemorySegment right, MemorySegment to) {
        return bind(what, count, left, right, to, 1, 0);
    }

    /**
     * Binds a sum of arrays that lie one after another, in their order.
     *
     * @param count elements of each
     * @param from terms·stride values
     * @param terms arrays
     * @param stride values between the beginnings of two
     * @param to the result; may be the memory of the first
     * @return the bound operation
     */
    public Range bindSum(long count, MemorySegment from, int terms, long stride, MemorySegment to) {
        return bind(Operation.SUM, count, from, from, to, terms, stride);
    }

    @SuppressWarnings("EnumOrdinal") // the constants stand in the order of palimpsest_elementwise_operation
    private Range bind(
            Operation what,
            long count,
            MemorySegment left,
            MemorySegment right,
            MemorySegment to,
            int summands,
            long apart) {
        if (kernel == null) {
            operation = what;
            a = left;
            b = right;
            out = to;
            terms = summands;
            stride = apart;
        } else {
            held.clear();
            for (MemorySegment operand : List.of(left, right, to)) {
                held.add(operand); // fewer arenas than can be held
            }
            long[] values = {what.ordinal(), count, left.address(), right.address(), to.address(), summands, apart};
            for (int f = 0; f < values.length; f++) {
                fields.get(f).set(args, values[f]);
            }
        }
        return range;
    }

    private void run(long begin, long end) {
        for (long i = begin; i < end; i++) {
            float left = a.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
            float right = operation == Operation.RELU ? 0 : b.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
            float total = left;
            for (int k = 1; operation == Operation.SUM && k < terms; k++) {
                total += a.getAtIndex(JAVA_FLOAT_UNALIGNED, k * stride + i);
            }
            out.setAtIndex(
                    JAVA_FLOAT_UNALIGNED,
                    i,
                    switch (operation) {
                        case ADD -> left + right;
                        case ADD_RELU -> relu(left + right);
                        case RELU -> relu(left);
                        case RELU_GRADIENT -> keepPositive(left, right);
                        case SUM -> total;
                    });
        }
    }

    /** As vectors have it: −0 and NaN stay. */
    static float relu(float value) {
        return 0 > value ? 0 : value;
    }

    static float keepPositive(float value, float condition) {
        return condition > 0 ? value : 0;
    }

    @Override
    public void close() {
        arena.close();
    }
}
