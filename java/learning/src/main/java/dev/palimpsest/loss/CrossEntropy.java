package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The classification losses. */
public final class CrossEntropy {
    /** Which classes the labels' own term is about. Without exemplars this decides more than any distillation does. */
    public enum Form {
        /** Softmax over the new classes. */
        NEW,
        /** Softmax over all classes seen. */
        ALL,
        /** A sigmoid for each class seen. */
        BCE
    }

    private CrossEntropy() {}

    /**
     * Mean over rows of −log softmax(z[classes])[label], in nats.
     *
     * @param tape records the term
     * @param engine computes it
     * @param logits [B, C]
     * @param labels B labels, all within {@code classes}
     * @param classes the columns that take part in the softmax: all seen, or only the new ones
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a label lies outside the classes or the classes outside the logits
     */
    public static Scalar softmax(Tape tape, Engine engine, Variable logits, int[] labels, ClassRange classes) {
        return tape.fused(logits, engine.softmaxCrossEntropy(logits.value(), labels, classes));
    }

    /**
     * Mean over rows of −log softmax(z)[label] over all columns, in nats, with constants in some of them.
     *
     * @param tape records the term
     * @param engine computes it
     * @param logits [B, C]
     * @param labels B labels below C
     * @param fixed the constants, for C columns
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if the number of labels or constants does not fit
     * @throws IndexOutOfBoundsException if a label is no column
     */
    public static Scalar softmax(Tape tape, Engine engine, Variable logits, int[] labels, FixedLogits fixed) {
        try (Matrices matrices = engine.matrices()) {
            Matrix constants = fixed.in(matrices);
            Matrix.Term loss = matrices.of(logits.value(), constants).softmax().logLoss(labels);
            return tape.fused(logits, new Loss(loss.value(), loss.gradient().toTensor(constants)));
        }
    }

    /**
     * Mean over rows of the sigmoid cross-entropy summed over all columns, in nats, as iCaRL's LwF-MC (Rebuffi 2017,
     * Algorithm 3): the target of an old class is the last model's sigmoid, that of a new class one or zero.
     *
     * @param tape records the term
     * @param engine computes it
     * @param logits [B, C]
     * @param labels B labels below C
     * @param last the last model's logits [B, C_old], or null where there is none; its columns are the old classes
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a label is not a column, or rows or columns of the two do not fit
     */
    public static Scalar sigmoid(Tape tape, Engine engine, Variable logits, int[] labels, @Nullable Tensor last) {
        return tape.fused(logits, engine.sigmoidCrossEntropy(logits.value(), labels, last));
    }

    /**
     * Columns of logits that a constant stands in for: the loss sees the constant, and no gradient reaches what the
     * network computed there. An old class that a batch does not hold gets {@link #ABSENT}, so that nothing pushes it
     * down; a class that nobody has seen yet gets {@link #UNSEEN}, which leaves it in the softmax as if its logit were
     * about zero (the published code of MLKD, arXiv 2508.12692). Immutable.
     */
    public static final class FixedLogits {
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
}
