package dev.palimpsest.optim;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Feeds an update loop in blocks that stay in the first-level cache. It then runs over plain float arrays, which the
 * JIT compiler vectorises (it does not where off-heap segments might overlap), and masking is one blend when a block
 * is written back.
 */
final class UpdateBlock {
    private static final int SIZE = 1024;

    private final float[] value = new float[SIZE];
    private final float[] gradient = new float[SIZE];
    private final float[][] states;
    private final MemorySegment valueView = MemorySegment.ofArray(value);
    private final MemorySegment[] stateViews;
    private final int[] updated = new int[SIZE];
    private final int[] kept = new int[SIZE];
    private final int[] moves = new int[SIZE];

    UpdateBlock(int statesPerParameter) {
        states = new float[statesPerParameter][SIZE];
        stateViews = new MemorySegment[statesPerParameter];
        for (int s = 0; s < statesPerParameter; s++) {
            stateViews[s] = MemorySegment.ofArray(states[s]);
        }
    }

    /** @param factor of every gradient */
    void update(WeightLoop loop, HostLoops.Held held, float factor) {
        MemorySegment values = held.parameter.update();
        MemorySegment gradients = held.parameter.readGradient();
        int size = held.parameter.size();
        for (int begin = 0; begin < size; begin += SIZE) {
            int count = Math.min(SIZE, size - begin);
            MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, 4L * begin, value, 0, count);
            MemorySegment.copy(gradients, ValueLayout.JAVA_FLOAT, 4L * begin, gradient, 0, count);
            for (int s = 0; s < states.length; s++) {
                System.arraycopy(held.states[s], begin, states[s], 0, count);
            }
            if (factor != 1) {
                for (int i = 0; i < count; i++) {
                    gradient[i] *= factor;
                }
            }
            loop.update(value, gradient, states, count);
            if (held.mask != null) {
                writeMasked(values, held, held.mask, begin, count);
            } else {
                MemorySegment.copy(value, 0, values, ValueLayout.JAVA_FLOAT, 4L * begin, count);
                for (int s = 0; s < states.length; s++) {
                    System.arraycopy(states[s], 0, held.states[s], begin, count);
                }
            }
        }
    }

    private void writeMasked(MemorySegment values, HostLoops.Held held, byte[] mask, int begin, int count) {
        for (int i = 0; i < count; i++) {
            moves[i] = mask[begin + i];
        }
        for (int i = 0; i < count; i++) {
            moves[i] = (moves[i] | -moves[i]) >> 31; // all ones unless the mask is 0
        }
        blend(valueView, values, begin, count);
        for (int s = 0; s < states.length; s++) {
            blend(stateViews[s], held.stateViews[s], begin, count);
        }
    }

    /**
     * On the bits as int: float arithmetic with a factor of 0 would turn −0 into +0 and an infinite update into NaN.
     */
    private void blend(MemorySegment from, MemorySegment to, int begin, int count) {
        MemorySegment.copy(from, ValueLayout.JAVA_INT, 0, updated, 0, count);
        MemorySegment.copy(to, ValueLayout.JAVA_INT, 4L * begin, kept, 0, count);
        for (int i = 0; i < count; i++) {
            kept[i] = (updated[i] & moves[i]) | (kept[i] & ~moves[i]);
        }
        MemorySegment.copy(kept, 0, to, ValueLayout.JAVA_INT, 4L * begin, count);
    }
}
