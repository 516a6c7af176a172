package dev.palimpsest.gaussian;

/**
 * How much is kept of a class's scatter.
 *
 * @param rank columns of its factor, at most the dimensions; 0: nothing of it, the class has a mean alone
 * @param bits of a value: 64, or 8, which then leave means as float32
 */
public record Storage(int rank, int bits) {
    /** All columns. */
    public static final int FULL = Integer.MAX_VALUE;

    /** Everything, in float64. */
    public static final Storage EXACT = new Storage(FULL, 64);
}
