package dev.palimpsest.engine;

/** A moving average whose every use is checked before the device has it. */
final class CheckedMovingAverage implements MovingAverage {
    private final Guard guard;
    private final MovingAverage backend;
    private boolean closed;

    CheckedMovingAverage(Guard guard, MovingAverage backend) {
        this.guard = guard;
        this.backend = backend;
    }

    @Override
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
