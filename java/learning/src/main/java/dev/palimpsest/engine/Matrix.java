package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.function.DoubleSupplier;

/**
 * One of {@link Matrices}, in double precision, which never changes. Operations give new ones. Each throws
 * {@link IllegalArgumentException} if sizes do not fit or a matrix belongs to another {@link Matrices}, and
 * {@link IllegalStateException} after that was closed.
 */
public interface Matrix {
    /**
     * A loss and its gradient.
     *
     * @param value asking waits for the device, see {@link Loss}
     * @param gradient by what the loss is of
     */
    record Term(DoubleSupplier value, Matrix gradient) {}

    /**
     * Rows of length 1.
     *
     * @param rows divided by their lengths
     * @param length what they were divided by, [rows, 1], at least 1e-12
     */
    record Unit(Matrix rows, Matrix length) {
        /**
         * A gradient by these rows as one by what they were.
         *
         * @param byRows of the rows' size
         * @return of the same size
         */
        public Matrix gradient(Matrix byRows) {
            return rows.unitRowsGradient(byRows, length);
        }
    }

    /**
     * Its number of rows.
     *
     * @return at least 0
     */
    int rows();

    /**
     * Its number of columns.
     *
     * @return at least 0
     */
    int columns();

    /**
     * The product.
     *
     * @param other with as many rows as this has columns
     * @return this · other
     */
    Matrix times(Matrix other);

    /**
     * The transpose.
     *
     * @return [columns, rows]
     */
    Matrix transposed();

    /**
     * A sum.
     *
     * @param factor of the other one
     * @param other of the same size
     * @return this + factor · other
     */
    Matrix plus(double factor, Matrix other);

    /**
     * A multiple.
     *
     * @param factor of every element
     * @return factor · this
     */
    Matrix scaled(double factor);

    /**
     * A quotient.
     *
     * @param divisor of every element
     * @return this / divisor
     */
    Matrix over(double divisor);

    /**
     * Some rows.
     *
     * @param begin the first
     * @param end behind the last, above the first
     * @return rows begin to end − 1
     * @throws IndexOutOfBoundsException if they are not all there
     */
    Matrix rows(int begin, int end);

    /**
     * These rows, then those of the other one.
     *
     * @param other with as many columns
     * @return one above the other
     */
    Matrix above(Matrix other);

    /**
     * The same with the value all along the diagonal.
     *
     * @param value of every element [i, i]
     * @return of the same size
     */
    Matrix withDiagonal(double value);

    /**
     * The sum of products of elements.
     *
     * @param other of the same size
     * @return Σ this[r, c] · other[r, c]; asking waits for the device
     */
    DoubleSupplier dot(Matrix other);

    /**
     * Softmax of every row.
     *
     * @return of the same size
     */
    Matrix softmax();

    /**
     * This, a softmax, turns a gradient by its probabilities into that by its logits: g_c = p_c (d_c − Σ_j d_j p_j).
     *
     * @param byProbability of the same size
     * @return of the same size
     */
    Matrix softmaxGradient(Matrix byProbability);

    /**
     * Of this, a softmax: mean over rows of −log p[label], and the gradient by its logits.
     *
     * @param labels a column for each row
     * @return the loss in nats and its gradient of the same size
     * @throws IndexOutOfBoundsException if a label is no column
     */
    Term logLoss(int[] labels);

    /**
     * Of this, softmaxes q, from others, p: mean over rows of Σ q (log q − log p).
     *
     * @param from p, of the same size
     * @return the divergence in nats; asking waits for the device
     */
    DoubleSupplier divergence(Matrix from);

    /**
     * Mean of h_r = max_o x[r, o] + margin − max_c x[r, c] over the rows r where it is positive, 0 if there are none,
     * and its gradient; o runs over the others, c over the current columns. x is this matrix, or, for
     * {@code constantOthers}, the softmax over each side's own columns; then only the current ones have a gradient.
     *
     * @param others at least one column
     * @param current at least one column
     * @param margin that the current ones must keep
     * @param constantOthers whether softmaxes are compared
     * @return the loss and its gradient of the same size
     * @throws IndexOutOfBoundsException if there is no such column
     */
    Term margin(int[] others, int[] current, double margin, boolean constantOthers);

    /**
     * Every row divided by its length.
     *
     * @return the rows and their lengths
     */
    Unit unitRows();

    /**
     * Of these unit rows: a gradient by them as one by what they were, see {@link Unit#gradient}.
     *
     * @param byRows of the same size
     * @param length what the rows were divided by, [rows, 1]
     * @return of the same size
     */
    Matrix unitRowsGradient(Matrix byRows, Matrix length);

    /**
     * Every column's mean taken away.
     *
     * @return of the same size
     */
    Matrix centred();

    /**
     * Of this, a covariance v [D, D]: Σ_a max(0, target − √(v_aa + epsilon)) / hingeDivisor + Σ_{a≠b} v_ab² /
     * squareDivisor, and its gradient by v. Where v is that of N rows, the gradient by the rows is 2 / (N − 1) times
     * the centred rows times that.
     *
     * @param target of the standard deviations
     * @param epsilon added to the variances, so that the root has a slope
     * @param hingeDivisor of what the deviations lack
     * @param squareDivisor of the squared covariances
     * @return the loss and its gradient [D, D]
     */
    Term spread(double target, double epsilon, double hingeDivisor, double squareDivisor);

    /**
     * In float32, for the tape.
     *
     * @return row-major; the caller releases it
     */
    Tensor toTensor();

    /**
     * The same with 0 in the columns that {@link Matrices#row} gave a number.
     *
     * @param fixed [1, columns]; NaN stands for "no constant"
     * @return row-major; the caller releases it
     */
    Tensor toTensor(Matrix fixed);
}
