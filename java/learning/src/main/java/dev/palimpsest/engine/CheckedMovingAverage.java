package dev.palimpsest.engine;

/** A moving average whose every use is checked before the device has it. */
final class CheckedMovingAverage implements MovingAverage {
    private final Lifetime lifetime;
    private final MovingAverage backend;

    CheckedMovingAverage(Guard guard, MovingAverage backend) {
        lifetime = new Lifetime(guard, "the moving average is closed: make another one with the engine");
        this.backend = backend;
    }

    @Override
    public void step() {
        lifetime.enter();
        backend.step();
    }

    @Override
    public void close() {
        if (lifetime.close()) {
            backend.close();
        }
    }
}
