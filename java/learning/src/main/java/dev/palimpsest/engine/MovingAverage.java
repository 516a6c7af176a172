package dev.palimpsest.engine;

/**
 * Values that follow others: an exponential moving average for each pair of a target and a source. It belongs to the
 * thread of the engine that made it.
 */
public final class MovingAverage implements AutoCloseable {
    private final Guard guard;
    private final Backend.MovingAverage backend;
    private boolean closed;

    MovingAverage(Guard guard, Backend.MovingAverage backend) {
        this.guard = guard;
        this.backend = backend;
    }

    /**
     * target = kept · target + (1 − kept) · source, in float32, for all pairs.
     *
     * @throws IllegalStateException if this or the engine is closed
     */
    public void step() {
        guard.enter();
        if (closed) {
            throw new IllegalStateException("the moving average is closed: make another one with the engine");
        }
        backend.step();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            backend.close();
        }
    }
}
