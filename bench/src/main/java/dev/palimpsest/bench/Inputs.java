package dev.palimpsest.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Seeded inputs, and the check that every benchmark makes of its answer before it is timed. */
final class Inputs {
    private Inputs() {}

    static MemorySegment normal(Arena arena, SplittableRandom random, long count, double deviation) {
        MemorySegment segment = arena.allocate(count * Float.BYTES, 64);
        for (long i = 0; i < count; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (deviation * random.nextGaussian()));
        }
        return segment;
    }

    static float at(MemorySegment segment, long index) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    /** A benchmark of a wrong answer is worth nothing. NaN fails. */
    static void requireClose(String what, double expected, double actual, double allowed) {
        if (!(Math.abs(actual - expected) <= allowed)) {
            throw new IllegalStateException(what + " is " + actual + ", expected " + expected + " ± " + allowed);
        }
    }
}
