package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that run one task together: the caller is part 0, daemon threads are the others. They spin shortly between tasks, since kernels
 * come in quick succession, then park. Running a task allocates nothing. One team per size serves the whole process; callers that want
 * it at the same time take turns.
 */
final class Team {
    /** What every thread does with its own number, 0 to size - 1. */
    interface Task {
        void run(int part);
    }

    // A few microseconds: longer would take the core from whoever shares it.
    private static final int SPINS = 2000;
    private static final ConcurrentHashMap<Integer, Team> TEAMS = new ConcurrentHashMap<>();

    private final Member[] members;
    private final AtomicInteger unfinished = new AtomicInteger();
    private Task task;
    private volatile long turn;
    private volatile Thread caller;
    private volatile Throwable failure;

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

    /** Whether every thread of the team may use memory that the calling thread may use. */
    boolean sees(MemorySegment segment) {
        return members.length == 0 || segment.isAccessibleBy(members[0]);
    }

    /** Runs all parts and returns when all are done. The first failure of any part is thrown here. */
    synchronized void run(Task work) {
        if (members.length == 0) {
            work.run(0);
            return;
        }
        task = work;
        failure = null;
        caller = Thread.currentThread();
        unfinished.set(members.length);
        turn++;
        for (Member member : members) {
            if (member.parked) {
                LockSupport.unpark(member);
            }
        }
        try {
            work.run(0);
        } finally {
            awaitMembers();
            task = null;
        }
        switch (failure) {
            case null -> { }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    private void awaitMembers() {
        for (int spins = 0; unfinished.get() > 0; spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
    }

    private final class Member extends Thread {
        private final int part;
        private volatile boolean parked;

        Member(int part) {
            super("palimpsest-kernel-" + part);
            this.part = part;
            setDaemon(true);
        }

        @Override
        public void run() {
            for (long done = 0; ; done++) {
                await(done);
                try {
                    task.run(part);
                } catch (Throwable e) {
                    failure = e;
                }
                Thread waiting = caller;
                if (unfinished.decrementAndGet() == 0) {
                    LockSupport.unpark(waiting);
                }
            }
        }

        private void await(long done) {
            for (int spins = 0; turn == done; spins++) {
                if (spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    // The flag goes up before the last look at the turn, so that either this thread sees the new turn or the caller
                    // sees the flag.
                    parked = true;
                    if (turn == done) {
                        LockSupport.park(Team.this);
                    }
                    parked = false;
                }
            }
        }
    }
}
