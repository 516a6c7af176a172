package dev.palimpsest.kernel;

import java.util.Arrays;

/**
 * The order in which a row's values are added up, the same in every implementation: element i goes to slot i mod 128 of its chunk of 2,048
 * elements (float32), a fixed tree adds a chunk's slots, chunks are added in order (float64). Empty slots count as +0.
 */
final class Slots {
    static final int COUNT = 128;
    static final int CHUNK = 2048;

    private Slots() {}

    /** Sum of x over one chunk [begin, end). The scratch arrays hold 128 and 16 values. */
    static double sum(float[] x, int begin, int end, float[] slot, double[] sixteen) {
        Arrays.fill(slot, 0);
        int block = begin;
        for (; block + COUNT <= end; block += COUNT) {
            for (int j = 0; j < COUNT; j++) {
                slot[j] += x[block + j];
            }
        }
        for (int j = 0; j < end - block; j++) {
            slot[j] += x[block + j];
        }
        return tree(slot, sixteen);
    }

    /** Sum of x·y over one chunk [begin, end). */
    static double sumOfProducts(float[] x, float[] y, int begin, int end, float[] slot, double[] sixteen) {
        Arrays.fill(slot, 0);
        int block = begin;
        for (; block + COUNT <= end; block += COUNT) {
            for (int j = 0; j < COUNT; j++) {
                slot[j] = Math.fma(x[block + j], y[block + j], slot[j]);
            }
        }
        for (int j = 0; j < end - block; j++) {
            slot[j] = Math.fma(x[block + j], y[block + j], slot[j]);
        }
        return tree(slot, sixteen);
    }

    /** Slot i takes slot i + 64, then i + 32 in float32, then i + 16, 8, 4, 2, 1 in float64. The slots are overwritten. */
    static double tree(float[] slot, double[] sixteen) {
        for (int i = 0; i < 64; i++) {
            slot[i] += slot[i + 64];
        }
        for (int i = 0; i < 32; i++) {
            slot[i] += slot[i + 32];
        }
        for (int i = 0; i < 16; i++) {
            sixteen[i] = (double) slot[i] + (double) slot[i + 16];
        }
        for (int width = 8; width > 0; width /= 2) {
            for (int i = 0; i < width; i++) {
                sixteen[i] += sixteen[i + width];
            }
        }
        return sixteen[0];
    }
}
