package dev.palimpsest.kernel.threads;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that work through the blocks of one task together: the caller is thread 0, daemon threads are the others.
 * Each begins with a range of its own, so that it finds what it wrote last in its cache, and then helps the others; so
 * a thread whose core is busy elsewhere delays nobody by more than one block. Blocks are independent of each other, so
 * who takes which never reaches the result. A task ends when its blocks are done: nobody waits for a thread that has
 * none. Members spin shortly between tasks, since those come in quick succession, then park. Running a task allocates
 * nothing. One team per size serves the whole process; callers that want it at the same time take turns. A task cannot
 * run another on the same team.
 */
public final class Team {
    /** What is done with each block. Threads have distinct numbers, 0 to size - 1. */
    public interface Task {
        /**
         * Does one block.
         *
         * @param block from 0
         * @param thread of the team, from 0; the caller is 0
         */
        void run(int block, int thread);
    }

    /** More than any machine has cores; of tens of thousands a process may die. */
    public static final int MOST_THREADS = 1024;

    // Some ten microseconds: longer would take the core from whoever shares it.
    private static final int SPINS = 500;
    /** Blocks that are dealt out at once; a range is the number of its turn, its end, and the next block. */
    private static final int INDEX_BITS = 20;

    private static final long INDEX = (1L << INDEX_BITS) - 1;
    /** Longs between two ranges: a line of the cache for each. */
    private static final int SPACING = 8;

    private static final ConcurrentHashMap<Integer, Team> TEAMS = new ConcurrentHashMap<>();

    private final int spins;
    private final Member[] members;
    private final AtomicLongArray ranges;
    private final AtomicInteger left = new AtomicInteger();
    private volatile @Nullable Task task;
    private @Nullable Thread caller;
    private volatile long turn;
    private volatile @Nullable Throwable failure;

    /**
     * The process's team of a size.
     *
     * @param threads 1 to {@link #MOST_THREADS}, the caller among them
     * @return the same team each time
     * @throws IllegalArgumentException if the number is out of range
     */
    public static Team of(int threads) {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new IllegalArgumentException("threads " + threads + ": expected 1 to " + MOST_THREADS);
        }
        return TEAMS.computeIfAbsent(threads, size -> new Team(size, SPINS));
    }

    /**
     * A team of its own.
     *
     * @param threads at least 1
     * @param spins how often a thread looks before it parks
     */
    Team(int threads, int spins) {
        this.spins = spins;
        ranges = new AtomicLongArray(threads * SPACING);
        members = new Member[threads - 1];
        for (int i = 0; i < members.length; i++) {
            members[i] = new Member(i + 1);
            members[i].start();
        }
    }

    /**
     * How many threads it has.
     *
     * @return at least 1
     */
    public int size() {
        return members.length + 1;
    }

    /**
     * Whether every thread of the team may use this memory, given that the caller may.
     *
     * @param segment to be used by a task
     * @return false for memory that is confined to the caller, if there are other threads
     */
    public boolean sees(MemorySegment segment) {
        return members.length == 0 || segment.isAccessibleBy(members[0]);
    }

    /**
     * Runs the task on the blocks 0 to count - 1 and returns when all are done. A failure in any of them is thrown
     * here, when the blocks that had begun are done.
     *
     * @param work to be done
     * @param count blocks
     * @throws IllegalStateException if a task of this team calls
     */
    public void run(Task work, int count) {
        if (Thread.currentThread() instanceof Member member && member.isOf(this)) {
            throw nested(); // it would wait for itself
        }
        runInTurn(work, count);
    }

    private synchronized void runInTurn(Task work, int count) {
        if (task != null) {
            throw nested();
        }
        if (members.length == 0 || count <= 1) {
            for (int block = 0; block < count; block++) {
                work.run(block, 0);
            }
            return;
        }
        if (count > INDEX) {
            runInTurn(work, (int) INDEX);
            runInTurn((block, thread) -> work.run(block + (int) INDEX, thread), count - (int) INDEX);
            return;
        }
        caller = Thread.currentThread();
        failure = null;
        left.set(count);
        // Before the ranges: whoever takes a block of this turn has read this turn's task.
        task = work;
        long next = turn + 1;
        int threads = size();
        for (int r = 0; r < threads; r++) {
            long begin = (long) count * r / threads;
            long end = (long) count * (r + 1) / threads;
            ranges.set(r * SPACING, (next << (2 * INDEX_BITS)) | (end << INDEX_BITS) | begin);
        }
        turn = next;
        for (Member member : members) {
            if (member.parked) {
                LockSupport.unpark(member);
            }
        }
        takeBlocks(0);
        for (int looks = 0; left.get() > 0; looks++) {
            if (looks < spins) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
        task = null;
        rethrow(failure);
    }

    private IllegalStateException nested() {
        return new IllegalStateException("a task on a team of " + size()
                + " threads ran another on the same team: expected one after the other");
    }

    /** Blocks of the own range, then of the others'. */
    private void takeBlocks(int thread) {
        int threads = size();
        for (int i = 0; i < threads; i++) {
            int range = (thread + i) % threads * SPACING;
            while (true) {
                long found = ranges.get(range);
                long begin = found & INDEX;
                if (begin == (found >> INDEX_BITS & INDEX)) {
                    break;
                }
                // Read after the range and before it is taken: if it can be taken, its turn is not over, and this is
                // its task.
                Task present = task;
                if (ranges.compareAndSet(range, found, found + 1)) {
                    run(Objects.requireNonNull(present), (int) begin, thread);
                }
            }
        }
    }

    private void run(Task present, int block, int thread) {
        try {
            if (failure == null) {
                present.run(block, thread);
            }
        } catch (Throwable e) {
            failure = e;
        }
        Thread waiting = caller;
        if (left.decrementAndGet() == 0 && thread != 0) {
            LockSupport.unpark(waiting);
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
            super("palimpsest-" + number);
            this.number = number;
            setDaemon(true);
        }

        boolean isOf(Team team) {
            return team == Team.this;
        }

        @Override
        public void run() {
            for (long seen = 0; ; ) {
                seen = awaitTurnAfter(seen);
                takeBlocks(number);
            }
        }

        private long awaitTurnAfter(long seen) {
            for (int looks = 0; turn == seen; looks++) {
                if (looks < spins) {
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
