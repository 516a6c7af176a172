package dev.palimpsest.engine;

/**
 * Values that follow others: an exponential moving average for each pair of a target and a source. It belongs to the
 * thread of the engine that made it.
 */
public interface MovingAverage extends AutoCloseable {
    /**
     * target = kept · target + (1 − kept) · source, in float32, for all pairs.
     *
     * @throws IllegalStateException if this or the engine is closed
     */
    void step();

    @Override
    void close();
}
