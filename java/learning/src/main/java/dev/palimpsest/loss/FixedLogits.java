package dev.palimpsest.loss;

import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Columns of logits that a constant stands in for: the loss sees the constant, and no gradient reaches what the
 * network computed there. An old class that a batch does not hold gets {@link #ABSENT}, so that nothing pushes it
 * down; a class that nobody has seen yet gets {@link #UNSEEN}, which leaves it in the softmax as if its logit were
 * about zero (the published code of MLKD, arXiv 2508.12692). Immutable.
 */
public final class FixedLogits {
    /** The logit of an old class that a batch does not hold: its softmax is 0. */
    public static final double ABSENT = -1e9;
    /** The logit of a class that no experience has brought yet: about zero. */
    public static final double UNSEEN = 1e-9;

    /** NaN where the network's own value counts. */
    private final double[] constant;

    private FixedLogits(double[] constant) {
        this.constant = constant;
    }

    /**
     * No constants: all columns are the network's own.
     *
     * @param classes columns of the logits
     * @return constants for that many columns, none of them set
     */
    public static FixedLogits none(int classes) {
        double[] constant = new double[classes];
        Arrays.fill(constant, Double.NaN);
        return new FixedLogits(constant);
    }

    /**
     * These constants and one more value in further columns.
     *
     * @param columns indices from 0 to {@link #classes()} − 1
     * @param value their logit
     * @return the constants of both; this stays as it is
     */
    public FixedLogits with(IntStream columns, double value) {
        double[] more = constant.clone();
        columns.forEach(c -> more[c] = value);
        return new FixedLogits(more);
    }

    /**
     * The number of columns.
     *
     * @return columns of the logits, with and without a constant
     */
    public int classes() {
        return constant.length;
    }

    /**
     * As a row of constants, see {@link Matrices#row}.
     *
     * @param matrices the scope that the row lives in
     * @return one row, NaN where the network's own value counts
     */
    public Matrix in(Matrices matrices) {
        return matrices.row(constant);
    }
}
