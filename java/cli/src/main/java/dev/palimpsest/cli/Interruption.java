package dev.palimpsest.cli;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Lets a command end in order when the user presses Ctrl-C or the system ends the process: work that can be cancelled
 * is, and the process lives until this is closed, for {@value #PATIENCE_SECONDS} s at most, which is less than what
 * schedulers leave between SIGTERM and SIGKILL. A second Ctrl-C ends the process at once.
 */
final class Interruption implements AutoCloseable {
    static final int PATIENCE_SECONDS = 20;

    /** Number of the signal of Ctrl-C, on every system. */
    private static final int SIGINT = 2;
    /** The handlers that end the process, and that ignore the signal. */
    private static final MemorySegment DEFAULT = MemorySegment.NULL;

    private static final MemorySegment IGNORE = MemorySegment.ofAddress(1);

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook =
            Thread.ofPlatform().name("palimpsest-interruption").unstarted(this::interrupted);
    private volatile BooleanSupplier cancel = () -> false;
    private volatile Runnable late = () -> {};

    Interruption() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** @param action from now on; returns whether something was cancelled, which is then waited for */
    void cancels(BooleanSupplier action) {
        cancel = action;
    }

    /** @param action for when what was cancelled does not end in time */
    void otherwise(Runnable action) {
        late = action;
    }

    private void interrupted() {
        try {
            // The JVM would ignore another Ctrl-C until this is over.
            endsAtOnce();
            if (cancel.getAsBoolean() && !ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("What was cancelled did not end within " + PATIENCE_SECONDS + " s.");
                late.run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Gives Ctrl-C back to the system, unless it was to be ignored, as with nohup. */
    private static void endsAtOnce() {
        Linker linker = Linker.nativeLinker();
        MethodHandle signal = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("signal"),
                FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
        try {
            if (((MemorySegment) signal.invokeExact(SIGINT, DEFAULT)).equals(IGNORE)) {
                MemorySegment _ = (MemorySegment) signal.invokeExact(SIGINT, IGNORE);
            }
        } catch (Throwable e) {
            throw new AssertionError(e); // a function of C throws nothing
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
