package dev.palimpsest.kernel.threads;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void everyBlockRunsOnceBeforeTheCallReturns(int threads) {
        Team team = Team.of(threads);
        for (int blocks = 0; blocks < 300; blocks++) {
            AtomicIntegerArray ran = new AtomicIntegerArray(blocks);
            team.run((block, thread) -> ran.incrementAndGet(block), blocks);
            int[] counts = new int[blocks];
            Arrays.setAll(counts, ran::get);
            int[] ones = new int[blocks];
            Arrays.fill(ones, 1);
            assertArrayEquals(ones, counts);
        }
    }

    @Test
    void noTwoThreadsHaveTheSameNumberAtTheSameTime() {
        Team team = Team.of(4);
        AtomicIntegerArray busy = new AtomicIntegerArray(4);
        for (int i = 0; i < 500; i++) {
            team.run(
                    (block, thread) -> {
                        assertEquals(1, busy.incrementAndGet(thread));
                        busy.decrementAndGet(thread);
                    },
                    50);
        }
    }

    @Test
    void aFailureReachesTheCallerAndTheTeamWorksOn() {
        Team team = Team.of(3);
        IllegalStateException failure = new IllegalStateException("block 17");
        for (int i = 0; i < 100; i++) {
            assertSame(
                    failure,
                    assertThrows(
                            IllegalStateException.class,
                            () -> team.run(
                                    (block, thread) -> {
                                        if (block == 17) {
                                            throw failure;
                                        }
                                    },
                                    40)));
        }
        everyBlockRunsOnceBeforeTheCallReturns(3);
    }

    @Test
    void callersTakeTurns() throws InterruptedException {
        Thread[] callers = new Thread[4];
        int[] failures = new int[callers.length];
        for (int c = 0; c < callers.length; c++) {
            int caller = c;
            callers[c] = new Thread(() -> {
                try {
                    everyBlockRunsOnceBeforeTheCallReturns(2);
                } catch (Throwable e) {
                    failures[caller]++;
                }
            });
            callers[c].start();
        }
        for (Thread thread : callers) {
            thread.join();
        }
        assertArrayEquals(new int[callers.length], failures);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 5})
    void aTaskOnTheSameTeamIsRefused(int threads) {
        Team team = Team.of(threads);
        for (int asking = 0; asking < 40; asking++) {
            int from = asking;
            IllegalStateException refused = assertThrows(
                    IllegalStateException.class,
                    () -> team.run(
                            (block, thread) -> {
                                if (block == from) {
                                    team.run((inner, on) -> {}, 8);
                                }
                            },
                            40));
            assertTrue(refused.getMessage().contains("ran another on the same team"), refused.getMessage());
        }
        everyBlockRunsOnceBeforeTheCallReturns(threads);
    }

    /**
     * Callers on teams of many sizes, with pauses in which members park, failures, interrupts, and tasks of no block to
     * thousands; {@code -Dteam.millis=600000} for ten minutes of it. A hang is told from slowness by its stack traces.
     */
    @Test
    void surviveWhateverCallersDo() throws InterruptedException {
        long end = System.nanoTime() + Integer.getInteger("team.millis", 1000) * 1_000_000L;
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicLong tasks = new AtomicLong();
        List<Thread> callers = new CopyOnWriteArrayList<>(); // a caller interrupts the first one
        for (int c = 0; c < 6; c++) {
            SplittableRandom random = new SplittableRandom(c);
            callers.add(Thread.ofPlatform().daemon().start(() -> {
                try {
                    while (System.nanoTime() < end && failures.isEmpty()) {
                        task(random, callers);
                        tasks.incrementAndGet();
                    }
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        for (Thread caller : callers) {
            caller.join(Duration.ofNanos(Math.max(0, end - System.nanoTime())).plusSeconds(40));
            assertFalse(caller.isAlive(), () -> "hangs: " + Thread.getAllStackTraces());
        }
        assertEquals(List.of(), List.copyOf(failures));
        assertTrue(tasks.get() > 100, tasks + " tasks");
        System.out.println(tasks + " tasks of the thread team");
    }

    private static void task(SplittableRandom random, List<Thread> callers) {
        Team team = Team.of(1 + random.nextInt(9));
        int blocks = random.nextInt(8) == 0 ? random.nextInt(3000) : random.nextInt(40);
        int failing = random.nextInt(4) == 0 ? random.nextInt(blocks + 1) : -1;
        int slow = random.nextInt(4) == 0 ? random.nextInt(blocks + 1) : -1;
        if (random.nextInt(20) == 0) {
            callers.stream().findFirst().ifPresent(Thread::interrupt);
        }
        AtomicIntegerArray ran = new AtomicIntegerArray(blocks);
        AtomicIntegerArray busy = new AtomicIntegerArray(team.size());
        ArithmeticException failure = new ArithmeticException("block " + failing);
        Throwable found = null;
        try {
            team.run(
                    (block, thread) -> {
                        assertEquals(1, busy.incrementAndGet(thread));
                        ran.incrementAndGet(block);
                        if (block == slow) {
                            LockSupport.parkNanos(200_000);
                        }
                        busy.decrementAndGet(thread);
                        if (block == failing) {
                            throw failure;
                        }
                    },
                    blocks);
        } catch (ArithmeticException e) {
            found = e;
        }
        assertSame(failing >= 0 && failing < blocks ? failure : null, found);
        for (int block = 0; block < blocks; block++) {
            int times = ran.get(block);
            // After a failure blocks that had not begun are left out.
            assertTrue(times == 1 || (times == 0 && found != null), block + " of " + blocks + " ran " + times);
        }
        if (random.nextInt(3) == 0) {
            LockSupport.parkNanos(random.nextInt(300_000)); // long enough for members to park, or nearly
        }
    }
}
