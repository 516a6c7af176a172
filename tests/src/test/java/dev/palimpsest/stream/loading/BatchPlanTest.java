package dev.palimpsest.stream.loading;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class BatchPlanTest {
    private static final int[] NO_MEMORY = {};

    @Test
    void anEpochHoldsEveryIndexOnceWhateverTheSizes() {
        for (int count = 2; count < 40; count++) {
            for (int batch = 3; batch < 12; batch++) {
                BatchPlan plan = BatchPlan.shuffled(range(100, count), batch, 5, 1);
                int[] all = all(plan);
                assertEquals(count, all.length);
                Arrays.sort(all);
                assertArrayEquals(range(100, count), all);
                for (int b = 0; b < plan.batches(); b++) {
                    int rows = plan.rows(b);
                    assertTrue(rows >= 2 && rows <= batch, count + " in batches of " + batch + " gave one of " + rows);
                }
                assertEquals((count + batch - 1) / batch, plan.batches());
            }
        }
    }

    @Test
    void aLastImageOnItsOwnTakesOneFromTheBatchBefore() {
        BatchPlan plan = BatchPlan.shuffled(range(0, 9), 4, 5, 1);
        assertArrayEquals(
                new int[] {4, 3, 2}, IntStream.range(0, 3).map(plan::rows).toArray());
    }

    @Test
    void theOrderIsOfSeedAndEpochAlone() {
        int[] indices = range(0, 50);
        int[] order = all(BatchPlan.shuffled(indices, 7, 5, 1));
        assertArrayEquals(
                order, all(BatchPlan.shuffled(indices, 12, 5, 1)), "another batch cuts the same order elsewhere");
        assertFalse(Arrays.equals(order, all(BatchPlan.shuffled(indices, 7, 5, 2))));
        assertFalse(Arrays.equals(order, all(BatchPlan.shuffled(indices, 7, 6, 1))));
        assertFalse(Arrays.equals(order, indices));
        assertArrayEquals(range(0, 50), indices, "the caller's array is left alone");
    }

    @Test
    void halfOfEachBatchIsMemory() {
        BatchPlan plan = BatchPlan.withMemory(range(0, 11), range(100, 6), 8, 5, 0);
        // 11 new ones: 4 + 4 + 3, each beside as many of memory
        assertArrayEquals(
                new int[] {8, 8, 6}, IntStream.range(0, 3).map(plan::rows).toArray());
        for (int b = 0; b < 3; b++) {
            int[] indices = plan.indices(b);
            int half = indices.length / 2;
            assertTrue(Arrays.stream(indices, 0, half).allMatch(i -> i < 100), "new rows first");
            assertTrue(Arrays.stream(indices, half, indices.length).allMatch(i -> i >= 100), "then memory");
        }
        assertArrayEquals(
                range(0, 11),
                Arrays.stream(all(plan)).filter(i -> i < 100).sorted().toArray());
        // an odd batch gives the odd row to the new images; a last batch of one new image has one of memory beside it
        BatchPlan odd = BatchPlan.withMemory(range(0, 7), range(100, 2), 5, 5, 0);
        assertArrayEquals(
                new int[] {5, 5, 2}, IntStream.range(0, 3).map(odd::rows).toArray());
        assertEquals(2, Arrays.stream(odd.indices(0)).filter(i -> i >= 100).count());
    }

    @Test
    void memoryIsGoneThroughEvenlyAcrossEpochs() {
        int[] memory = range(100, 6);
        List<Integer> drawn = new ArrayList<>();
        for (int epoch = 0; epoch < 6; epoch++) {
            BatchPlan plan = BatchPlan.withMemory(range(0, 11), memory, 8, 5, epoch);
            Arrays.stream(all(plan)).filter(i -> i >= 100).forEach(drawn::add);
        }
        assertEquals(66, drawn.size());
        Set<List<Integer>> orders = new HashSet<>();
        for (int round = 0; round < 11; round++) {
            List<Integer> order = drawn.subList(6 * round, 6 * round + 6);
            assertEquals(6, new HashSet<>(order).size(), "round " + round + " holds every exemplar once");
            orders.add(order);
        }
        assertTrue(orders.size() > 5, "rounds differ in order");
    }

    @Test
    void noImageHasTheSameRepeatTwice() {
        BatchPlan plan = BatchPlan.withMemory(range(0, 40), range(100, 3), 16, 5, 4);
        Set<List<Integer>> seen = new HashSet<>();
        for (int b = 0; b < plan.batches(); b++) {
            for (int row = 0; row < plan.rows(b); row++) {
                assertTrue(seen.add(List.of(plan.indices(b)[row], plan.repeat(b, row))));
            }
        }
        assertEquals(80, seen.size());
    }

    @Test
    void anEmptyMemoryIsAnOrdinaryEpoch() {
        assertArrayEquals(
                all(BatchPlan.shuffled(range(0, 9), 4, 5, 1)),
                all(BatchPlan.withMemory(range(0, 9), NO_MEMORY, 4, 5, 1)));
    }

    @Test
    void evaluationKeepsTheOrderAndASingleLastImage() {
        BatchPlan plan = BatchPlan.sequential(new int[] {9, 3, 5}, 2);
        assertEquals(2, plan.batches());
        assertArrayEquals(new int[] {9, 3}, plan.indices(0));
        assertArrayEquals(new int[] {5}, plan.indices(1));
        assertFalse(plan.isTraining());
    }

    @Test
    void emptyBatchesAreRefused() {
        String empty = "there are no images to make batches of: expected at least one index";
        assertEquals(empty, refused(() -> BatchPlan.shuffled(NO_MEMORY, 4, 0, 0)));
        assertEquals(empty, refused(() -> BatchPlan.withMemory(NO_MEMORY, range(0, 3), 4, 0, 0)));
        assertEquals(empty, refused(() -> BatchPlan.sequential(NO_MEMORY, 4)));
        assertEquals(empty, refused(() -> BatchPlan.training(new int[0][])));
        assertEquals(
                "batch 1 of 2 has 0 image(s): training with batch norm needs at least 2",
                refused(() -> BatchPlan.training(new int[][] {{1, 2}, {}})));
        assertEquals(
                "3 images cannot be put into batches of 0: use a larger batch",
                refused(() -> BatchPlan.sequential(range(0, 3), 0)));
    }

    @Test
    void aTrainingBatchOfOneImageIsRefused() {
        String one = "batch %d of %d has 1 image(s): training with batch norm needs at least 2";
        assertEquals(one.formatted(0, 1), refused(() -> BatchPlan.shuffled(range(0, 1), 4, 0, 0)));
        assertEquals(one.formatted(0, 3), refused(() -> BatchPlan.shuffled(range(0, 3), 1, 0, 0)));
        assertEquals(one.formatted(1, 3), refused(() -> BatchPlan.shuffled(range(0, 5), 2, 0, 0)));
        assertEquals(one.formatted(1, 2), refused(() -> BatchPlan.training(new int[][] {{1, 2}, {3}})));
        assertEquals(
                "3 images cannot be put into batches of 1: use a larger batch",
                refused(() -> BatchPlan.withMemory(range(0, 3), range(5, 3), 1, 0, 0)));
    }

    private static String refused(Executable plan) {
        return assertThrows(IllegalArgumentException.class, plan).getMessage();
    }

    private static int[] range(int first, int count) {
        return IntStream.range(first, first + count).toArray();
    }

    private static int[] all(BatchPlan plan) {
        return IntStream.range(0, plan.batches())
                .mapToObj(plan::indices)
                .flatMapToInt(Arrays::stream)
                .toArray();
    }
}
