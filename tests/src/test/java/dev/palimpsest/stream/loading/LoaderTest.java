package dev.palimpsest.stream.loading;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Images;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Toy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class LoaderTest {
    private static final int[] ALL = IntStream.range(0, 30).toArray();

    private final Images images = Toy.images(30, 3);

    @Test
    void evaluationBatchesAreTheImagesThemselves() {
        try (Loader loader = loader(label -> 10 + label)) {
            int row = 0;
            for (Batch batch : loader.epoch(BatchPlan.sequential(ALL, 7), 0)) {
                assertEquals(batch.rows() * 16L * Float.BYTES, batch.images().byteSize());
                for (int i = 0; i < batch.rows(); i++, row++) {
                    float[] expected = new float[16];
                    images.read(row, expected, 0);
                    assertArrayEquals(expected, image(batch, i));
                    assertEquals(row, batch.indices()[i]);
                    assertEquals(10 + row % 3, batch.labels()[i]);
                }
            }
            assertEquals(30, row);
        }
    }

    @Test
    void anImagesAugmentationDoesNotDependOnItsBatch() {
        Map<Integer, List<Float>> seen = new HashMap<>();
        try (Loader loader = loader(label -> label)) {
            for (int size = 3; size <= 8; size++) {
                for (Batch batch : loader.epoch(BatchPlan.shuffled(ALL, size, size, 4), 4)) {
                    for (int i = 0; i < batch.rows(); i++) {
                        List<Float> image = list(image(batch, i));
                        assertEquals(image, seen.computeIfAbsent(batch.indices()[i], index -> image));
                    }
                }
            }
        }
        assertEquals(30, seen.size());
    }

    @Test
    void viewsFollowOneAnotherAndEachIsWhatItsAugmentationAloneGives() {
        BatchPlan plan = BatchPlan.shuffled(ALL, 8, 3, 2);
        List<Augmentation> views = List.of(Augmentation.NONE, Augmentation.cropFlip(2), Augmentation.shift(1));
        List<List<Float>> together = new ArrayList<>();
        try (Loader loader = new Loader(images, label -> -1, views, 8, 11)) {
            for (Batch batch : loader.epoch(plan, 2)) {
                assertEquals(3, batch.views());
                assertEquals(
                        3L * batch.rows() * 16 * Float.BYTES, batch.images().byteSize());
                assertEquals(-1, batch.labels()[0]);
                for (int v = 0; v < 3; v++) {
                    together.add(list(batch.view(v).toArray(ValueLayout.JAVA_FLOAT)));
                }
                assertThrows(IndexOutOfBoundsException.class, () -> batch.view(3));
            }
            assertEquals(
                    1,
                    loader.epoch(BatchPlan.sequential(ALL, 8), 0)
                            .iterator()
                            .next()
                            .views(),
                    "evaluation has one view");
        }
        for (int v = 0; v < 3; v++) {
            int number = v;
            try (Loader loader = new Loader(images, label -> label, views.get(v), 8, 11)) {
                int b = 0;
                for (Batch batch : loader.epoch(plan, 2)) {
                    assertEquals(
                            list(batch.images().toArray(ValueLayout.JAVA_FLOAT)),
                            together.get(3 * b++ + number),
                            "view " + v);
                }
            }
        }
        assertEquals(12, together.size());
        assertThrows(IllegalArgumentException.class, () -> new Loader(images, label -> label, List.of(), 8, 1));
    }

    @Test
    void timingChangesNothing() {
        AtomicInteger calls = new AtomicInteger();
        List<Float> quick = epoch(label -> label, 0);
        List<Float> slowWorker = epoch(
                label -> {
                    pause(calls.incrementAndGet() % 5);
                    return label;
                },
                0);
        assertEquals(quick, slowWorker);
        assertEquals(quick, epoch(label -> label, 3), "slow caller");
    }

    @Test
    void theSameThreeAlignedBuffersServeEveryPass() {
        Set<Long> addresses = new HashSet<>();
        try (Loader loader = loader(label -> label)) {
            for (int epoch = 0; epoch < 5; epoch++) {
                for (Batch batch : loader.epoch(BatchPlan.shuffled(ALL, 4, 1, epoch), epoch)) {
                    addresses.add(batch.images().address());
                    assertTrue(batch.images().isNative());
                }
            }
        }
        assertEquals(3, addresses.size());
        addresses.forEach(address -> assertEquals(0, address % 64));
    }

    @Test
    void aBatchStaysUntilTheNextIsTaken() {
        try (Loader loader = loader(label -> label)) {
            for (Batch batch : loader.epoch(BatchPlan.shuffled(ALL, 3, 1, 0), 0)) {
                List<Float> before = list(batch.images().toArray(ValueLayout.JAVA_FLOAT));
                pause(2);
                assertEquals(before, list(batch.images().toArray(ValueLayout.JAVA_FLOAT)));
            }
        }
    }

    @Test
    void exceptionsOfTheThreadReachTheCallerWithTheirCause() {
        var cause = new IllegalArgumentException("no such class");
        AtomicInteger calls = new AtomicInteger();
        try (Loader loader = loader(label -> {
            if (calls.incrementAndGet() == 9) {
                throw cause;
            }
            return label;
        })) {
            Iterator<Batch> pass = loader.epoch(BatchPlan.sequential(ALL, 4), 6).iterator();
            pass.next();
            pass.next();
            var error = assertThrows(IllegalStateException.class, pass::next);
            assertEquals("batch 2 of epoch 6 could not be prepared: no such class", error.getMessage());
            assertSame(cause, error.getCause());
            assertThrows(IllegalStateException.class, pass::next, "the pass is over");
            assertEquals(30, rows(loader.epoch(BatchPlan.sequential(ALL, 4), 0)), "the next one is whole");
        }
    }

    @Test
    void aPassThatIsLeftEarlyDoesNotDisturbTheNext() {
        try (Loader loader = loader(label -> label)) {
            Iterator<Batch> left =
                    loader.epoch(BatchPlan.shuffled(ALL, 3, 1, 0), 0).iterator();
            left.next();
            List<Float> values = new ArrayList<>();
            for (Batch batch : loader.epoch(BatchPlan.shuffled(ALL, 3, 1, 1), 1)) {
                values.addAll(list(batch.images().toArray(ValueLayout.JAVA_FLOAT)));
            }
            assertEquals(epoch(label -> label, 0), values);
            assertThrows(IllegalStateException.class, left::next);
        }
    }

    @Test
    void closingStopsTheThreadAndFreesTheMemory() throws InterruptedException {
        AtomicReference<Thread> worker = new AtomicReference<>();
        Loader loader = loader(label -> {
            worker.set(Thread.currentThread());
            return label;
        });
        Iterator<Batch> pass = loader.epoch(BatchPlan.sequential(ALL, 4), 0).iterator();
        MemorySegment memory = pass.next().images();
        loader.close();
        worker.get().join(1000);
        assertFalse(worker.get().isAlive());
        assertThrows(IllegalStateException.class, () -> memory.get(ValueLayout.JAVA_FLOAT, 0));
        assertThrows(IllegalStateException.class, pass::next);
        assertEquals(
                "the loader is closed: open another one",
                assertThrows(IllegalStateException.class, () -> loader.epoch(BatchPlan.sequential(ALL, 4), 0))
                        .getMessage());
        loader.close();
    }

    @Test
    void closingWhileABatchIsBeingPreparedWaitsForIt() {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean finished = new AtomicBoolean();
        Loader loader = loader(label -> {
            begun.countDown();
            long end = System.nanoTime() + 50_000_000;
            while (!finished.get() && System.nanoTime() < end) {
                Thread.onSpinWait(); // unlike a sleep, not cut short by the interrupt
            }
            finished.set(true);
            return label;
        });
        loader.epoch(BatchPlan.sequential(ALL, 4), 0);
        assertTrue(happened(begun));
        loader.close();
        assertTrue(finished.get());
    }

    @Test
    void anInterruptedCallerIsToldSo() {
        try (Loader loader = loader(label -> {
            pause(50);
            return label;
        })) {
            Iterator<Batch> pass = loader.epoch(BatchPlan.sequential(ALL, 4), 2).iterator();
            Thread.currentThread().interrupt();
            var error = assertThrows(IllegalStateException.class, pass::next);
            assertTrue(Thread.interrupted(), "the interrupt is kept");
            assertEquals("interrupted while waiting for batch 0 of epoch 2", error.getMessage());
        }
    }

    @Test
    void refusesPlansThatDoNotFit() {
        try (Loader loader = loader(label -> label)) {
            assertEquals(
                    "batch 0 of the plan has 9 images, the loader was made for 8: make it for more",
                    assertThrows(IllegalArgumentException.class, () -> loader.epoch(BatchPlan.sequential(ALL, 9), 0))
                            .getMessage());
            assertEquals(
                    "batch 1 of the plan asks for image 30, there are 30 (0..29)",
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> loader.epoch(BatchPlan.sequential(new int[] {1, 2, 30}, 2), 0))
                            .getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> new Loader(images, l -> l, Augmentation.shift(4), 8, 1));
        assertEquals(
                "a loader's largest batch must have at least one image, got 0",
                assertThrows(IllegalArgumentException.class, () -> new Loader(images, l -> l, Augmentation.NONE, 0, 1))
                        .getMessage());
    }

    private Loader loader(IntUnaryOperator relabel) {
        return new Loader(images, relabel, Augmentation.cropFlip(2), 8, 11);
    }

    /** All values of one training epoch in order. */
    private List<Float> epoch(IntUnaryOperator relabel, long pauseOfCaller) {
        List<Float> values = new ArrayList<>();
        try (Loader loader = loader(relabel)) {
            for (Batch batch : loader.epoch(BatchPlan.shuffled(ALL, 3, 1, 1), 1)) {
                pause(pauseOfCaller);
                values.addAll(list(batch.images().toArray(ValueLayout.JAVA_FLOAT)));
            }
        }
        return values;
    }

    private static int rows(Iterable<Batch> pass) {
        int rows = 0;
        for (Batch batch : pass) {
            rows += batch.rows();
        }
        return rows;
    }

    private static float[] image(Batch batch, int row) {
        return batch.images().asSlice(row * 64L, 64).toArray(ValueLayout.JAVA_FLOAT);
    }

    private static List<Float> list(float[] values) {
        List<Float> list = new ArrayList<>();
        for (float value : values) {
            list.add(value);
        }
        return list;
    }

    private static boolean happened(CountDownLatch latch) {
        try {
            return latch.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            // close() interrupts the loader's thread; a batch does not care.
            Thread.currentThread().interrupt();
        }
    }
}
