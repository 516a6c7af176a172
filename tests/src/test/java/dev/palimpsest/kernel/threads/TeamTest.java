package dev.palimpsest.kernel.threads;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
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
}
