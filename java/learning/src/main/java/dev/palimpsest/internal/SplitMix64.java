package dev.palimpsest.internal;

/**
 * Random numbers that are a function of a seed and of what they are for, so that no order of calls, thread or batch
 * changes them.
 *
 * <p>The generator is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the state grows by the golden ratio's 64 bits and
 * is mixed. The state starts from the seed, into which each coordinate (epoch, index, …) is mixed in turn. Not
 * thread-safe; make one per use.
 */
public final class SplitMix64 {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private long state;

    private SplitMix64(long state) {
        this.state = state;
    }

    /**
     * A generator of its own for every seed and list of coordinates.
     *
     * @param seed of the run
     * @param coordinates what the numbers are for: purpose, epoch, index, …
     * @return a generator that no other call has drawn from
     */
    public static SplitMix64 of(long seed, long... coordinates) {
        long state = mix(seed + GOLDEN);
        for (long coordinate : coordinates) {
            state = mix((state ^ coordinate) + GOLDEN);
        }
        return new SplitMix64(state);
    }

    /**
     * The next 64 random bits.
     *
     * @return any value, each as likely as the others
     */
    long nextLong() {
        state += GOLDEN;
        return mix(state);
    }

    /**
     * The next whole number of a range; the probabilities are equal up to bound/2^64.
     *
     * @param bound at least 1
     * @return 0 to bound - 1
     * @throws IllegalArgumentException if the bound is not positive
     */
    public int nextInt(int bound) {
        if (bound < 1) {
            throw new IllegalArgumentException("the bound of a random number must be positive, got " + bound);
        }
        return (int) Math.unsignedMultiplyHigh(nextLong(), bound);
    }

    /**
     * The next uniformly distributed share.
     *
     * @return a multiple of 2^-53 in [0, 1)
     */
    public double nextDouble() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    /**
     * Brings values into random order (Fisher–Yates), in place.
     *
     * @param values every order is as likely as the others
     */
    public void shuffle(int[] values) {
        for (int last = values.length - 1; last > 0; last--) {
            int other = nextInt(last + 1);
            int kept = values[last];
            values[last] = values[other];
            values[other] = kept;
        }
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
