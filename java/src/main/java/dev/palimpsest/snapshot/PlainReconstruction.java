package dev.palimpsest.snapshot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Owners as bit planes, one whole plane of 64-bit words after another, and the weights that 0 < owner ≤ step selects. */
final class PlainReconstruction {
    private PlainReconstruction() {
    }

    static long planeBytes(long count, int planeCount) {
        return (count + 63) / 64 * Long.BYTES * planeCount;
    }

    static void pack(byte[] codes, int planeCount, MemorySegment planes) {
        planes.fill((byte) 0);
        long words = (codes.length + 63) / 64;
        for (int i = 0; i < codes.length; i++) {
            for (int p = 0; p < planeCount; p++) {
                if ((codes[i] >> p & 1) != 0) {
                    long word = p * words + i / 64;
                    planes.setAtIndex(ValueLayout.JAVA_LONG, word, planes.getAtIndex(ValueLayout.JAVA_LONG, word) | 1L << i);
                }
            }
        }
    }

    static void apply(long count, MemorySegment weights, MemorySegment planes, int planeCount, int step, MemorySegment scale,
            long perChannel, MemorySegment out) {
        long words = (count + 63) / 64;
        for (long i = 0; i < count; i++) {
            int owner = 0;
            for (int p = 0; p < planeCount; p++) {
                owner |= (int) (planes.getAtIndex(ValueLayout.JAVA_LONG, p * words + i / 64) >>> i & 1) << p;
            }
            if (owner == 0 || owner > step) {
                out.setAtIndex(ValueLayout.JAVA_INT, i, 0);
            } else if (scale == null) {
                out.setAtIndex(ValueLayout.JAVA_INT, i, weights.getAtIndex(ValueLayout.JAVA_INT, i));
            } else {
                float factor = scale.getAtIndex(ValueLayout.JAVA_FLOAT, i / perChannel);
                out.setAtIndex(ValueLayout.JAVA_FLOAT, i, weights.getAtIndex(ValueLayout.JAVA_FLOAT, i) * factor);
            }
        }
    }
}
