package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A {@code palimpsest_cuda_launch}: what libpalimpsest says about how to launch a kernel. */
final class LaunchShape {
    private final MemorySegment memory = Arena.ofAuto().allocate(4 * 8, 8);

    MemorySegment memory() {
        return memory;
    }

    int variant() {
        return value(0);
    }

    int blocks() {
        return value(1);
    }

    int threads() {
        return value(2);
    }

    int sharedBytes() {
        return value(3);
    }

    private int value(int field) {
        return Math.toIntExact(memory.getAtIndex(JAVA_LONG, field));
    }
}
