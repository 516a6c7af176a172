package dev.palimpsest.cli;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
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

    /** The exit status of a process that Ctrl-C ended. */
    private static final int INTERRUPTED = 130;

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

    /**
     * From now on Ctrl-C ends the process, unless it was to be ignored, as with nohup. By reflection: the compiler
     * warns of these classes, and the platform has no others for it.
     */
    private static void endsAtOnce() {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Method handle = signal.getMethod("handle", signal, handler);
            Object interrupt = signal.getConstructor(String.class).newInstance("INT");
            Object halt = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (_, _, _) -> {
                Runtime.getRuntime().halt(INTERRUPTED);
                return null;
            });
            Object before = handle.invoke(null, interrupt, halt);
            Object ignores = handler.getField("SIG_IGN").get(null);
            if (ignores.equals(before)) {
                handle.invoke(null, interrupt, ignores);
            }
        } catch (ReflectiveOperationException e) {
            // A Java without them, or with -Xrs: the process ends when what was cancelled has, or by SIGKILL.
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
