package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;

/** What every façade asks of its caller's memory before anything reaches a kernel. The messages carry the values. */
final class Memory {
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

    /**
     * Whether an off-heap segment shares bytes with the first bytes of another. Arrays are left out: they go to C as
     * copies.
     */
    static boolean overlap(MemorySegment a, MemorySegment b, long bytes) {
        return a.isNative()
                && b.isNative()
                && a.address() < b.address() + bytes
                && b.address() < a.address() + a.byteSize();
    }
}
