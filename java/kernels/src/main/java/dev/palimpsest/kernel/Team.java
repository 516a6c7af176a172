package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that work through the blocks of one task together: the caller is thread 0, daemon threads are the others.
 * Who takes which block is left to chance, so a thread whose core is busy elsewhere delays nobody by more than one
 * block; blocks are independent of each other, so chance never reaches the result. Members spin shortly between tasks,
 * since kernels come in quick succession, then park. Running a task allocates nothing. One team per size serves the
 * whole process; callers that want it at the same time take turns.
 */
final class Team {
    /** What is done with each block. Threads have distinct numbers, 0 to size - 1. */
    interface Task {
        void run(int block, int thread);
    }

    // Some ten microseconds: longer would take the core from whoever shares it.
    private static final int SPINS = 500;
    private static final ConcurrentHashMap<Integer, Team> TEAMS = new ConcurrentHashMap<>();

    private final Member[] members;
    private final AtomicInteger nextBlock = new AtomicInteger();
    private final AtomicInteger inside = new AtomicInteger();
    private @Nullable Task task;
    private int blocks;
    private @Nullable Thread caller;
    private volatile boolean open;
    private volatile long turn;
    private volatile @Nullable Throwable failure;

    /** @throws IllegalArgumentException if there is not at least one thread */
    static Team of(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads " + threads + ": expected at least 1");
        }
        return TEAMS.computeIfAbsent(threads, Team::new);
    }

    private Team(int threads) {
        members = new Member[threads - 1];
        for (int i = 0; i < members.length; i++) {
            members[i] = new Member(i + 1);
            members[i].start();
        }
    }

    int size() {
        return members.length + 1;
    }

    /** Whether every thread of the team may use this memory, given that the caller may. */
    boolean sees(MemorySegment segment) {
        return members.length == 0 || segment.isAccessibleBy(members[0]);
    }

    /**
     * Runs the task on the blocks 0 to blocks - 1 and returns when all are done. A failure in any of them is thrown
     * here.
     */
    synchronized void run(Task work, int count) {
        if (members.length == 0 || count == 1) {
            for (int block = 0; block < count; block++) {
                work.run(block, 0);
            }
            return;
        }
        task = work;
        blocks = count;
        caller = Thread.currentThread();
        failure = null;
        nextBlock.set(0);
        open = true;
        turn++;
        for (Member member : members) {
            if (member.parked) {
                LockSupport.unpark(member);
            }
        }
        takeBlocks(0);
        // Nobody enters any more; who is inside finishes its block.
        open = false;
        for (int spins = 0; inside.get() > 0; spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
        task = null;
        rethrow(failure);
    }

    private void takeBlocks(int thread) {
        Task present = Objects.requireNonNull(task);
        try {
            for (int block = nextBlock.getAndIncrement(); block < blocks; block = nextBlock.getAndIncrement()) {
                present.run(block, thread);
            }
        } catch (Throwable e) {
            failure = e;
            nextBlock.set(blocks);
        }
    }

    private static void rethrow(@Nullable Throwable failure) {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    private final class Member extends Thread {
        private final int number;
        private volatile boolean parked;

        Member(int number) {
            super("palimpsest-kernel-" + number);
            this.number = number;
            setDaemon(true);
        }

        @Override
        public void run() {
            for (long seen = 0; ; ) {
                seen = awaitTurnAfter(seen);
                // Counted before the look at `open`: the caller either waits for this thread, or has closed before it
                // looks.
                inside.incrementAndGet();
                if (open) {
                    takeBlocks(number);
                }
                Thread waiting = caller;
                if (inside.decrementAndGet() == 0 && !open) {
                    LockSupport.unpark(waiting);
                }
            }
        }

        private long awaitTurnAfter(long seen) {
            for (int spins = 0; turn == seen; spins++) {
                if (spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    // The flag goes up before another look at the turn: either this thread sees the new turn, or the
                    // caller sees the flag.
                    parked = true;
                    if (turn == seen) {
                        LockSupport.park(Team.this);
                    }
                    parked = false;
                }
            }
            return turn;
        }
    }
}
