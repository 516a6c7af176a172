package dev.palimpsest.method;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * The numbers of a {@link SplittableRandom}, whose state a checkpoint can hold: it is the seed, which every number
 * moves on by the golden ratio's 64 bits. Not thread-safe.
 */
final class StoredRandom implements RandomGenerator {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private long state;

    StoredRandom(long seed) {
        state = seed;
    }

    long state() {
        return state;
    }

    /** Goes on with the numbers of another one, whose state this was. */
    void continueAt(long other) {
        state = other;
    }

    @Override
    public int nextInt() {
        return next().nextInt();
    }

    @Override
    public long nextLong() {
        return next().nextLong();
    }

    private SplittableRandom next() {
        SplittableRandom now = new SplittableRandom(state);
        state += GOLDEN;
        return now;
    }
}
