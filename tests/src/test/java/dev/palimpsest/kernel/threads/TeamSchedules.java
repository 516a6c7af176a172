package dev.palimpsest.kernel.threads;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** What {@link FrayTeam} runs under many schedules: each method once a schedule, on a team of its own. */
final class TeamSchedules {
    private TeamSchedules() {}

    /** Tasks in succession, with members that park at once and such that look again before. */
    static void tasksInSuccession() {
        Team eager = new Team(3, 0);
        everyBlockOnce(eager, 4);
        everyBlockOnce(eager, 2);
        Team spinning = new Team(2, 2);
        everyBlockOnce(spinning, 3);
        everyBlockOnce(spinning, 2);
    }

    /** Blocks that wait for each other: a member that is not woken is seen, though the caller could work alone. */
    static void everyMemberIsWoken() {
        Team team = new Team(3, 0);
        for (int i = 0; i < 2; i++) {
            CountDownLatch begun = new CountDownLatch(team.size());
            team.run(
                    (block, thread) -> {
                        begun.countDown();
                        try {
                            begun.await();
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    },
                    team.size());
        }
    }

    static void failingTasks() {
        Team team = new Team(3, 0);
        for (int failing = 0; failing < 3; failing++) {
            failsAt(team, 3, failing);
        }
        everyBlockOnce(team, 3);
    }

    static void interruptedCaller() {
        Team team = new Team(2, 1);
        Thread caller = Thread.currentThread();
        Thread interrupting = new Thread(caller::interrupt);
        interrupting.start();
        everyBlockOnce(team, 3);
        failsAt(team, 2, 1);
        boolean interrupted;
        try {
            interrupting.join();
            interrupted = Thread.interrupted();
        } catch (InterruptedException e) {
            interrupted = true;
        }
        require(interrupted, "the caller's interrupt is lost");
        everyBlockOnce(team, 2);
    }

    static void twoCallers() throws InterruptedException {
        Team team = new Team(2, 0);
        Thread other = new Thread(() -> {
            everyBlockOnce(team, 2);
            failsAt(team, 3, 2);
        });
        other.start();
        failsAt(team, 2, 0);
        everyBlockOnce(team, 3);
        other.join();
    }

    static void taskInATask() {
        Team team = new Team(2, 0);
        for (int asking = 0; asking < 2; asking++) {
            int from = asking;
            try {
                team.run(
                        (block, thread) -> {
                            if (block == from) {
                                team.run((inner, on) -> {}, 2);
                            }
                        },
                        2);
                throw new AssertionError("a task within a task was run");
            } catch (IllegalStateException e) {
                everyBlockOnce(team, 2);
            }
        }
    }

    private static void everyBlockOnce(Team team, int blocks) {
        AtomicIntegerArray ran = new AtomicIntegerArray(blocks);
        team.run((block, thread) -> ran.incrementAndGet(block), blocks);
        for (int block = 0; block < blocks; block++) {
            require(ran.get(block) == 1, "block " + block + " of " + blocks + " ran " + ran.get(block) + " times");
        }
    }

    private static void failsAt(Team team, int blocks, int failing) {
        AtomicIntegerArray ran = new AtomicIntegerArray(blocks);
        ArithmeticException failure = new ArithmeticException("block " + failing);
        try {
            team.run(
                    (block, thread) -> {
                        ran.incrementAndGet(block);
                        if (block == failing) {
                            throw failure;
                        }
                    },
                    blocks);
            throw new AssertionError("the failure of block " + failing + " of " + blocks + " is lost");
        } catch (ArithmeticException e) {
            require(e == failure, "the failure of another task: " + e.getMessage());
        }
        for (int block = 0; block < blocks; block++) {
            require(ran.get(block) <= 1, "block " + block + " of " + blocks + " ran " + ran.get(block) + " times");
        }
        require(ran.get(failing) == 1, "block " + failing + " did not run");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
