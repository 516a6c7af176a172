package dev.palimpsest;

import dev.palimpsest.train.Progress;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;

/** Whether a lesson is to go on. It is cancelled or published, never both, whoever comes first. Thread-safe. */
final class Cancellation {
    private enum State {
        LEARNING,
        CANCELLED,
        PUBLISHED
    }

    private final AtomicReference<State> state = new AtomicReference<>(State.LEARNING);

    /** Whether the lesson now ends without a version. */
    boolean cancel() {
        return state.compareAndSet(State.LEARNING, State.CANCELLED) || state.get() == State.CANCELLED;
    }

    /** @throws CancellationException if the lesson was cancelled */
    void check() {
        if (state.get() == State.CANCELLED) {
            throw new CancellationException("the lesson was cancelled: the model stays as it was");
        }
    }

    /**
     * From now on the lesson cannot be cancelled.
     *
     * @throws CancellationException if it was
     */
    void publish() {
        state.compareAndSet(State.LEARNING, State.PUBLISHED);
        check();
    }

    /** Looks after every step of training. */
    Progress checked(Progress progress) {
        return Progress.all(progress, new Progress() {
            @Override
            public void phaseBegins(Phase phase) {
                check();
            }

            @Override
            public void step(Step step) {
                check();
            }
        });
    }
}
