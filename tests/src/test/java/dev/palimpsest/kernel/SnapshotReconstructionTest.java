package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SnapshotReconstructionTest {
    private static final int[] COUNTS = {0, 1, 3, 15, 16, 17, 63, 64, 65, 127, 129, 1000, 4097, 200_003};

    static List<Variant> variants() {
        return Variant.all();
    }

    /**
     * Any bits at all as weights, so every NaN, infinity, denormal and zero is among them; nothing past the end is
     * written.
     */
    @ParameterizedTest
    @MethodSource("variants")
    void keptWeightsKeepEveryBitAndOthersArePositiveZero(Variant variant) {
        SplittableRandom random = new SplittableRandom(31);
        for (int count : COUNTS) {
            int planeCount = 1 + random.nextInt(8);
            byte[] codes = codes(random, count, planeCount);
            int[] weights = random.ints(count).toArray();
            try (Arena arena = Arena.ofConfined();
                    SnapshotReconstruction kernel =
                            new SnapshotReconstruction(variant.threads(), variant.implementation())) {
                MemorySegment in = arena.allocateFrom(ValueLayout.JAVA_INT, weights);
                MemorySegment out = arena.allocate(count * 4L + 64, 8);
                MemorySegment planes = packed(arena, codes, planeCount);
                for (int step : new int[] {0, 1, (1 << planeCount) / 2, (1 << planeCount) - 1}) {
                    out.fill((byte) 0x55);
                    kernel.apply(count, in, planes, planeCount, step, null, 0, out);
                    for (int i = 0; i < count; i++) {
                        int code = codes[i] & 0xff;
                        int expected = 0 < code && code <= step ? weights[i] : 0;
                        assertEquals(expected, out.getAtIndex(ValueLayout.JAVA_INT, i), variant + " weight " + i);
                    }
                    for (int i = 0; i < 16; i++) {
                        assertEquals(0x55555555, out.getAtIndex(ValueLayout.JAVA_INT, count + i));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void theChannelsFactorIsMultipliedInAndMaskedWeightsStayPositiveZero(Variant variant) {
        SplittableRandom random = new SplittableRandom(32);
        for (int perChannel : new int[] {1, 27, 64, 144, 1000}) {
            int count = 3 * 1000 + 5;
            byte[] codes = codes(random, count, 3);
            float[] weights = new float[count];
            float[] scale = new float[(count + perChannel - 1) / perChannel];
            fill(random, weights);
            fill(random, scale);
            scale[0] = Float.NaN;
            scale[1] = Float.NEGATIVE_INFINITY;
            float[] out = new float[count];
            try (Arena arena = Arena.ofConfined();
                    SnapshotReconstruction kernel =
                            new SnapshotReconstruction(variant.threads(), variant.implementation())) {
                kernel.apply(
                        count,
                        MemorySegment.ofArray(weights),
                        packed(arena, codes, 3),
                        3,
                        4,
                        MemorySegment.ofArray(scale),
                        perChannel,
                        MemorySegment.ofArray(out));
            }
            for (int i = 0; i < count; i++) {
                float expected = codes[i] != 0 && codes[i] <= 4 ? weights[i] * scale[i / perChannel] : 0f;
                assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(out[i]), variant + " weight " + i);
            }
        }
    }

    @Test
    void codesComeBackFromTheirPlanes() {
        SplittableRandom random = new SplittableRandom(33);
        for (int planeCount = 1; planeCount <= 8; planeCount++) {
            byte[] codes = codes(random, 777, planeCount);
            try (Arena arena = Arena.ofConfined()) {
                assertArrayEquals(
                        codes, SnapshotReconstruction.unpack(777, planeCount, packed(arena, codes, planeCount)));
            }
        }
    }

    @Test
    void planesAreTheCeilingOfTheLogarithm() {
        int[] steps = {0, 1, 2, 3, 4, 5, 7, 8, 10, 15, 16, 255};
        int[] planes = {1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 8};
        for (int i = 0; i < steps.length; i++) {
            assertEquals(planes[i], SnapshotReconstruction.planesFor(steps[i]), "steps " + steps[i]);
        }
        refused("steps 256: expected 0 to 255", () -> SnapshotReconstruction.planesFor(256));
        assertEquals(3 * 8 * 16, SnapshotReconstruction.planeBytes(1000, 3));
    }

    @Test
    void wrongInputsAreRefusedWithTheirSizes() {
        try (Arena arena = Arena.ofConfined();
                SnapshotReconstruction kernel = new SnapshotReconstruction(1)) {
            MemorySegment weights = arena.allocate(400, 8);
            MemorySegment planes = arena.allocate(48, 8);
            MemorySegment out = arena.allocate(400, 8);
            refused(
                    "weights needs 400 bytes (100 float32), has 396",
                    () -> kernel.apply(100, weights.asSlice(0, 396), planes, 3, 1, null, 0, out));
            refused(
                    "planes needs 48 bytes (100 codes in 3 planes), has 40",
                    () -> kernel.apply(100, weights, planes.asSlice(0, 40), 3, 1, null, 0, out));
            refused(
                    "out needs 400 bytes (100 float32), has 0",
                    () -> kernel.apply(100, weights, planes, 3, 1, null, 0, out.asSlice(0, 0)));
            refused(
                    "step 8: expected 0 to 7 with 3 planes",
                    () -> kernel.apply(100, weights, planes, 3, 8, null, 0, out));
            refused(
                    "count 100, planes 9: expected at least 0, and 1 to 8",
                    () -> kernel.apply(100, weights, planes, 9, 1, null, 0, out));
            refused(
                    "channel scale needs 12 bytes (3 float32), has 8",
                    () -> kernel.apply(100, weights, planes, 3, 1, arena.allocate(8, 8), 40, out));
            refused(
                    "weights per channel 0: expected at least 1",
                    () -> kernel.apply(100, weights, planes, 3, 1, arena.allocate(8, 8), 0, out));
            refused(
                    "out is read-only: expected memory to write to",
                    () -> kernel.apply(100, weights, planes, 3, 1, null, 0, out.asReadOnly()));
            refused(
                    "out overlaps weights: expected the same memory or memory of its own",
                    () -> kernel.apply(90, weights, planes, 3, 1, null, 0, weights.asSlice(8)));
            refused(
                    "out overlaps planes: expected memory of its own",
                    () -> kernel.apply(10, weights, planes, 3, 1, null, 0, planes));
            refused(
                    "code 8 of weight 1 does not fit into 3 planes",
                    () -> SnapshotReconstruction.pack(new byte[] {7, 8}, 3, planes));
            kernel.apply(100, weights, planes, 3, 1, null, 0, weights);
        }
    }

    private static void fill(SplittableRandom random, float[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
    }

    private static byte[] codes(SplittableRandom random, int count, int planeCount) {
        byte[] codes = new byte[count];
        for (int i = 0; i < count; i++) {
            codes[i] = (byte) random.nextInt(1 << planeCount);
        }
        return codes;
    }

    private static MemorySegment packed(Arena arena, byte[] codes, int planeCount) {
        MemorySegment planes = arena.allocate(SnapshotReconstruction.planeBytes(codes.length, planeCount), 8);
        SnapshotReconstruction.pack(codes, planeCount, planes);
        return planes;
    }

    private static void refused(String message, Runnable call) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }
}
