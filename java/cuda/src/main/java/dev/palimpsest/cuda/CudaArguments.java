package dev.palimpsest.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;

/**
 * The arguments of a kernel, packed off-heap once and then only changed. A launch reads them before it returns, so
 * they may be changed right after it. Structs are one argument each, passed by value.
 */
public final class CudaArguments {
    private final MemorySegment memory;
    private final long[] offsets;
    private final Pointer pointers;

    /** @param sizes bytes of each argument in order; each starts at a multiple of 8 */
    public CudaArguments(int... sizes) {
        offsets = new long[sizes.length];
        long end = 0;
        for (int i = 0; i < sizes.length; i++) {
            offsets[i] = end;
            end += Math.ceilDiv(sizes[i], 8) * 8L;
        }
        memory = Arena.ofAuto().allocate(Math.max(8, end), 16);
        Pointer[] each = new Pointer[sizes.length];
        for (int i = 0; i < sizes.length; i++) {
            each[i] = Pointer.to(memory.asSlice(offsets[i], sizes[i]).asByteBuffer());
        }
        pointers = Pointer.to(each);
    }

    public void set(int argument, long value) {
        memory.set(ValueLayout.JAVA_LONG, offsets[argument], value);
    }

    public void set(int argument, int value) {
        memory.set(ValueLayout.JAVA_INT, offsets[argument], value);
    }

    public void set(int argument, float value) {
        memory.set(ValueLayout.JAVA_FLOAT, offsets[argument], value);
    }

    public void set(int argument, double value) {
        memory.set(ValueLayout.JAVA_DOUBLE, offsets[argument], value);
    }

    /** A field of a struct whose fields are 8 bytes each, as all of palimpsest.h are. */
    public void field(int argument, int index, long value) {
        memory.set(ValueLayout.JAVA_LONG, offsets[argument] + 8L * index, value);
    }

    /** See {@link #field(int, int, long)}. */
    public void field(int argument, int index, double value) {
        memory.set(ValueLayout.JAVA_DOUBLE, offsets[argument] + 8L * index, value);
    }

    Pointer pointers() {
        return pointers;
    }
}
