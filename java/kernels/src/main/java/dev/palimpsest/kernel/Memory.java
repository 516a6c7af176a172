package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What every façade asks of its caller's memory before anything reaches a kernel. The messages carry the values. */
final class Memory {
    /**
     * What a kernel may take of its own when it is made. A kernel that computes anything useful takes megabytes; beyond
     * this a size was mistaken for another, and the system would rather end the process than refuse.
     */
    private static final double MOST_SCRATCH = 0x1p32;

    private Memory() {}

    static void check(String name, MemorySegment segment, long bytes, String what) {
        if (segment.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    name + " needs " + bytes + " bytes (" + what + "), has " + segment.byteSize());
        }
        if (!isUsable(segment)) {
            throw new IllegalArgumentException(
                    name + " is closed, of another thread, or not aligned to 4 bytes: expected open float32 memory");
        }
    }

    static boolean isUsable(MemorySegment segment) {
        return segment.isAccessibleBy(Thread.currentThread())
                && segment.scope().isAlive()
                && (!segment.isNative() || segment.address() % Float.BYTES == 0);
    }

    static void checkWritable(String name, MemorySegment segment) {
        if (segment.isReadOnly()) {
            throw new IllegalArgumentException(name + " is read-only: expected memory to write to");
        }
    }

    /** Instead of the JDK's sentence for null, which names nothing. */
    static void checkGiven(String name, @Nullable Object given) {
        if (given == null) {
            throw new NullPointerException(name + " is null: expected float32 memory");
        }
    }

    static MemorySegment view(String name, float[] values) {
        checkGiven(name, values);
        return MemorySegment.ofArray(values);
    }

    static MemorySegment[] views(String name, float[][] values) {
        checkGiven(name + "s", values);
        MemorySegment[] views = new MemorySegment[values.length];
        Arrays.setAll(views, i -> view(name + " " + i, values[i]));
        return views;
    }

    /** @param bytes float64: sizes that overflow an int64 are refused as well */
    static void checkScratch(String sizes, double bytes) {
        if (!(bytes <= MOST_SCRATCH)) {
            throw new IllegalArgumentException(
                    sizes + " need " + (long) bytes + " bytes of scratch: expected at most " + (long) MOST_SCRATCH);
        }
    }

    /**
     * What a kernel met in its caller's memory: if any of it was closed meanwhile, a sentence that says which.
     *
     * @param names of the segments
     * @param segments null where one was not given
     */
    static IllegalStateException closed(
            IllegalStateException met, String[] names, @Nullable MemorySegment... segments) {
        for (int i = 0; i < names.length; i++) {
            MemorySegment segment = segments[i];
            if (segment != null && !segment.scope().isAlive()) {
                return new IllegalStateException(
                        names[i] + " of " + segment.byteSize()
                                + " bytes was closed while the kernel ran: keep its arena open until the call returns",
                        met);
            }
        }
        return met;
    }

    /** Whether a segment shares bytes with the first bytes of another. */
    static boolean overlap(MemorySegment a, MemorySegment b, long bytes) {
        if (a.isNative() != b.isNative()) {
            return false;
        }
        if (a.isNative()) {
            return a.address() < b.address() + bytes && b.address() < a.address() + a.byteSize();
        }
        return a.asOverlappingSlice(b.asSlice(0, bytes)).isPresent();
    }
}
