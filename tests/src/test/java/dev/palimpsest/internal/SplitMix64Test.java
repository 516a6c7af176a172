package dev.palimpsest.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SplitMix64Test {
    @Test
    void isTheJdksSplitMix64FromTheMixedSeed() {
        for (long seed : new long[] {0, 1, -1, 42, Long.MIN_VALUE}) {
            SplittableRandom reference = new SplittableRandom(new SplittableRandom(seed).nextLong());
            SplitMix64 random = SplitMix64.of(seed);
            for (int i = 0; i < 100; i++) {
                assertEquals(reference.nextLong(), random.nextLong());
            }
        }
    }

    @Test
    void everyCoordinateAndItsPlaceMatter() {
        Set<Long> first = new HashSet<>();
        for (int seed = 0; seed < 10; seed++) {
            for (int a = 0; a < 10; a++) {
                for (int b = 0; b < 10; b++) {
                    first.add(SplitMix64.of(seed, a, b).nextLong());
                }
            }
        }
        assertEquals(1000, first.size());
        assertNotEquals(SplitMix64.of(1).nextLong(), SplitMix64.of(1, 0).nextLong());
    }

    @Test
    void boundedNumbersAreUniform() {
        int[] counts = new int[6];
        SplitMix64 random = SplitMix64.of(5);
        for (int i = 0; i < 60_000; i++) {
            counts[random.nextInt(6)]++;
        }
        // 10,000 ± 91 (one standard deviation)
        for (int count : counts) {
            assertEquals(10_000, count, 400);
        }
        assertThrows(IllegalArgumentException.class, () -> random.nextInt(0));
    }

    @Test
    void shufflesReachEveryPermutationEquallyOften() {
        int[] counts = new int[6];
        for (int seed = 0; seed < 6000; seed++) {
            int[] values = {0, 1, 2};
            SplitMix64.of(seed).shuffle(values);
            counts[values[0] * 2 + (values[1] > values[2] ? 1 : 0)]++;
            Arrays.sort(values);
            assertArrayEquals(IntStream.range(0, 3).toArray(), values);
        }
        // 1,000 ± 29
        for (int count : counts) {
            assertEquals(1000, count, 130);
        }
    }
}
