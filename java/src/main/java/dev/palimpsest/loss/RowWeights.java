package dev.palimpsest.loss;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Weights of teachers, [rows, teachers], as the kernels take them. */
final class RowWeights {
    private RowWeights() {}

    static MemorySegment constant(Arena arena, int rows, int teachers, double weight) {
        MemorySegment weights = arena.allocate((long) rows * teachers * Float.BYTES, 64);
        for (long i = 0; i < (long) rows * teachers; i++) {
            weights.setAtIndex(JAVA_FLOAT, i, (float) weight);
        }
        return weights;
    }
}
