package dev.palimpsest.kernel;

import java.util.Arrays;

/**
 * The order in which a row's values are added up, the same in every implementation: element i goes to slot i mod 128
 * of its chunk of 2,048 elements (float32), a fixed tree adds a chunk's slots, chunks are added in order (float64).
 * Empty slots count as +0.
 *
 * <p>Blocks are copied to arrays of their own because the compiler only vectorises loops whose arrays share one index.
 * Not thread-safe.
 */
final class Slots {
    private static final int COUNT = 128;
    private static final int CHUNK = 2048;

    private final float[] slot = new float[COUNT];
    private final float[] left = new float[COUNT];
    private final float[] right = new float[COUNT];
    private final float[] folded = new float[32];

    /** Sum of the first n values. */
    double sum(float[] x, int n) {
        double sum = 0;
        for (int chunk = 0; chunk < n; chunk += CHUNK) {
            Arrays.fill(slot, 0);
            int end = Math.min(n, chunk + CHUNK);
            for (int block = chunk; block < end; block += COUNT) {
                copyBlock(x, block, end, left);
                for (int j = 0; j < COUNT; j++) {
                    slot[j] += left[j];
                }
            }
            sum += tree();
        }
        return sum;
    }

    /** Sum of x·y over the first n values, each product added with one rounding. */
    double sumOfProducts(float[] x, float[] y, int n) {
        double sum = 0;
        for (int chunk = 0; chunk < n; chunk += CHUNK) {
            Arrays.fill(slot, 0);
            int end = Math.min(n, chunk + CHUNK);
            for (int block = chunk; block < end; block += COUNT) {
                copyBlock(x, block, end, left);
                copyBlock(y, block, end, right);
                for (int j = 0; j < COUNT; j++) {
                    slot[j] = Math.fma(left[j], right[j], slot[j]);
                }
            }
            sum += tree();
        }
        return sum;
    }

    private static void copyBlock(float[] x, int block, int end, float[] to) {
        int n = Math.min(COUNT, end - block);
        System.arraycopy(x, block, to, 0, n);
        if (n < COUNT) {
            Arrays.fill(to, n, COUNT, 0);
        }
    }

    /** Slot i takes slot i + 64, then i + 32 in float32, then i + 16, 8, 4, 2, 1 in float64. */
    private double tree() {
        for (int i = 0; i < 32; i++) {
            folded[i] = (slot[i] + slot[i + 64]) + (slot[i + 32] + slot[i + 96]);
        }
        return ((eighth(0) + eighth(4)) + (eighth(2) + eighth(6)))
                + ((eighth(1) + eighth(5)) + (eighth(3) + eighth(7)));
    }

    /** After the steps of 16 and 8. */
    private double eighth(int i) {
        return ((double) folded[i] + (double) folded[i + 16]) + ((double) folded[i + 8] + (double) folded[i + 24]);
    }
}
