package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.function.DoubleSupplier;

/** One of {@link Matrices}, which never changes. Operations give new ones; sizes that do not fit are errors. */
public sealed interface Matrix permits CpuMatrix, CudaMatrix {
    /**
     * A loss and its gradient.
     *
     * @param value asking waits for the device, see {@link Engine.Loss}
     */
    record Term(DoubleSupplier value, Matrix gradient) {}

    int rows();

    int columns();

    /** The product. */
    Matrix times(Matrix other);

    Matrix transposed();

    /** this + factor · other. */
    Matrix plus(double factor, Matrix other);

    /** factor · this. */
    Matrix scaled(double factor);

    /** this / divisor. */
    Matrix over(double divisor);

    /** Rows begin to end − 1. */
    Matrix rows(int begin, int end);

    /** These rows, then those of the other one. */
    Matrix above(Matrix other);

    /** The same with the value all along the diagonal. */
    Matrix withDiagonal(double value);

    /** Σ this[r, c] · other[r, c]. Asking waits for the device. */
    DoubleSupplier dot(Matrix other);

    /** Softmax of every row. */
    Matrix softmax();

    /**
     * This, a softmax, turns a gradient by its probabilities into that by its logits: g_c = p_c (d_c − Σ_j d_j p_j).
     */
    Matrix softmaxGradient(Matrix byProbability);

    /**
     * Of this, a softmax: mean over rows of −log p[label], and the gradient by its logits.
     *
     * @param labels a column for each row
     */
    Term logLoss(int[] labels);

    /** Of this, softmaxes q, from others, p: mean over rows of Σ q (log q − log p). Asking waits for the device. */
    DoubleSupplier divergence(Matrix from);

    /**
     * Mean of best(others) + margin − best(current) over the rows where that is positive, 0 if there are none, and its
     * gradient. Best is the highest value in those columns, or, for {@code constantOthers}, the highest probability of
     * a softmax over them; then only the current columns have a gradient.
     */
    Term margin(int[] others, int[] current, double margin, boolean constantOthers);

    /** Every row divided by its length. */
    Unit unitRows();

    /**
     * @param rows of length 1
     * @param length what they were divided by, at least 1e-12
     */
    record Unit(Matrix rows, Matrix length) {
        /** A gradient by these rows as one by what they were. */
        public Matrix gradient(Matrix byRows) {
            return switch (rows) {
                case CpuMatrix own -> own.unitRowsGradient((CpuMatrix) byRows, (CpuMatrix) length);
                case CudaMatrix own -> own.unitRowsGradient((CudaMatrix) byRows, (CudaMatrix) length);
            };
        }
    }

    /** Every column's mean taken away. */
    Matrix centred();

    /**
     * Of this, a covariance [D, D] of N rows, VICReg's terms: Σ_a max(0, 1 − √(v_aa + 1e-4)) / 2D + Σ_{a≠b} v_ab² /
     * 25D, and their gradient by the covariance. The gradient by the rows is 2 / (N − 1) times the centred rows times
     * that.
     */
    Term spread();

    /** In float32, for the tape; the caller releases it. */
    Tensor toTensor();

    /** The same with 0 in the columns that {@link Matrices#row} gave a number. */
    Tensor toTensor(Matrix fixed);
}
