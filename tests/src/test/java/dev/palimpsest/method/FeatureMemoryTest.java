package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FeatureMemoryTest {
    private static final int CLASSES = 7;

    private final FeatureMemory memory = new FeatureMemory(20, 3, CLASSES, 1);

    private static FeatureMemory.Item item(int label) {
        return new FeatureMemory.Item(new float[3], new float[CLASSES], label);
    }

    @Test
    void classesShareItEvenlyInWhateverOrderTheyCome() {
        for (int label : new int[] {4, 0, 0, 6, 1}) {
            for (int i = 0; i < 50; i++) {
                memory.add(item(label));
            }
        }
        assertEquals(20, memory.size());
        assertEquals(20 * (4 * 3 + 4 * CLASSES + 4), memory.bytes());
        int[] counts = IntStream.of(0, 1, 4, 6).map(memory::count).sorted().toArray();
        assertEquals(20, IntStream.of(counts).sum());
        assertEquals(5, counts[0], "four classes in twenty places");
        assertEquals(5, counts[3]);
    }

    @Test
    void fewItemsOfARareClassStay() {
        memory.add(item(3));
        memory.add(item(3));
        for (int i = 0; i < 200; i++) {
            memory.add(item(5));
        }
        assertEquals(2, memory.count(3), "only a class that has the most gives way");
        assertEquals(18, memory.count(5));
    }

    @Test
    void aDrawHasDifferentItemsAndNoMoreThanThereAre() {
        for (int i = 0; i < 6; i++) {
            memory.add(item(i));
        }
        List<FeatureMemory.Item> four = memory.draw(4);
        assertEquals(
                4, new HashSet<>(four.stream().map(FeatureMemory.Item::label).toList()).size());
        assertEquals(
                6,
                new HashSet<>(memory.draw(10).stream()
                                .map(FeatureMemory.Item::label)
                                .toList())
                        .size());
        HashSet<List<Integer>> draws = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            draws.add(memory.draw(3).stream().map(FeatureMemory.Item::label).toList());
        }
        assertTrue(draws.size() > 10, "draws differ: " + draws);
    }

    @Test
    void anItemIsHeldToTheChallengesLimit() {
        new FeatureMemory(20, 923, 100, 1);
        assertEquals(
                "an item of memory may have 1024 floats at most; 924 features, 100 logits and a label are 1025: take a"
                        + " network with fewer features, or memory = 0",
                assertThrows(IllegalArgumentException.class, () -> new FeatureMemory(20, 924, 100, 1))
                        .getMessage());
    }

    @Test
    void drawsTheNumbersOfTheJdksGeneratorFromAnyStateOn() {
        SplittableRandom expected = new SplittableRandom(-7);
        StoredRandom found = new StoredRandom(-7);
        for (int bound = 1; bound < 2000; bound++) {
            StoredRandom later = new StoredRandom(0);
            later.continueAt(found.state());
            assertEquals(expected.nextInt(bound), found.nextInt(bound), "below " + bound);
            assertEquals(expected.nextLong(), found.nextLong());
            later.nextInt(bound);
            later.nextLong();
            assertEquals(found.state(), later.state());
        }
    }
}
