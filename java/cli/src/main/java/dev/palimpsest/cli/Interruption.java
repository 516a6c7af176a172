package dev.palimpsest.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Lets a command end in order when the user presses Ctrl-C or the system ends the process: work that can be cancelled
 * is, and the process lives until this is closed.
 */
final class Interruption implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 60;

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook =
            Thread.ofPlatform().name("palimpsest-interruption").unstarted(this::interrupted);
    private volatile BooleanSupplier cancel = () -> false;

    Interruption() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** @param action from now on; returns whether something was cancelled, which is then waited for */
    void cancels(BooleanSupplier action) {
        cancel = action;
    }

    private void interrupted() {
        try {
            if (cancel.getAsBoolean() && !ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("What was cancelled did not end within " + PATIENCE_SECONDS + " s.");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        ended.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is ending, and the hook waits for this
        }
    }
}
