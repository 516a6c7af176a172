package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.Objects;
import java.util.function.DoubleSupplier;

/**
 * One of {@link Matrices}, in double precision, which never changes. Operations give new ones. Each throws
 * {@link IllegalArgumentException} if sizes do not fit or a matrix belongs to another {@link Matrices}, and
 * {@link IllegalStateException} after that was closed.
 */
public final class Matrix {
    private final MatrixScope scope;
    private final MatrixBackend.Matrix backend;

    Matrix(MatrixScope scope, MatrixBackend.Matrix backend) {
        this.scope = scope;
        this.backend = backend;
    }

    /**
     * A loss and its gradient.
     *
     * @param value asking waits for the device, see {@link Loss}
     * @param gradient by what the loss is of
     */
    public record Term(DoubleSupplier value, Matrix gradient) {}

    /**
     * Rows of length 1.
     *
     * @param rows divided by their lengths
     * @param length what they were divided by, [rows, 1], at least 1e-12
     */
    public record Unit(Matrix rows, Matrix length) {
        /**
         * A gradient by these rows as one by what they were.
         *
         * @param byRows of the rows' size
         * @return of the same size
         */
        public Matrix gradient(Matrix byRows) {
            rows.requireSameSize(byRows);
            rows.requireOf(length.scope);
            if (length.rows() != rows.rows() || length.columns() != 1) {
                throw new IllegalArgumentException(
                        "the lengths of " + rows.size() + " unit rows cannot be " + length.size());
            }
            return rows.with(rows.backend.unitRowsGradient(byRows.backend, length.backend));
        }
    }

    MatrixBackend.Matrix backend() {
        return backend;
    }

    private Matrix with(MatrixBackend.Matrix result) {
        return new Matrix(scope, result);
    }

    private Term with(MatrixBackend.Term result) {
        return new Term(result.value(), with(result.gradient()));
    }

    private String size() {
        return rows() + "×" + columns();
    }

    private void requireOf(MatrixScope other) {
        scope.enter();
        if (scope != other) {
            throw new IllegalArgumentException(
                    "a matrix of " + size() + " belongs to other Matrices: make it with the same ones");
        }
    }

    void requireSameSize(Matrix other) {
        other.requireOf(scope);
        if (rows() != other.rows() || columns() != other.columns()) {
            throw new IllegalArgumentException(
                    "expected two matrices of one size, got " + size() + " and " + other.size());
        }
    }

    void requireConstantsOf(MatrixScope of, int columns) {
        requireOf(of);
        if (rows() != 1 || columns() != columns) {
            throw new IllegalArgumentException(
                    "constants for " + columns + " columns must be 1×" + columns + ", got " + size());
        }
    }

    void requireLabels(int[] labels) {
        if (labels.length != rows()) {
            throw new IllegalArgumentException(labels.length + " labels for a matrix of " + size());
        }
        requireColumns(labels);
    }

    private void requireColumns(int[] columns) {
        for (int column : columns) {
            if (column < 0 || column >= columns()) {
                throw new IndexOutOfBoundsException("column " + column + " of a matrix of " + size());
            }
        }
    }

    /**
     * Its number of rows.
     *
     * @return at least 0
     */
    public int rows() {
        return backend.rows();
    }

    /**
     * Its number of columns.
     *
     * @return at least 0
     */
    public int columns() {
        return backend.columns();
    }

    /**
     * The product.
     *
     * @param other with as many rows as this has columns
     * @return this · other
     */
    public Matrix times(Matrix other) {
        other.requireOf(scope);
        if (columns() != other.rows()) {
            throw new IllegalArgumentException("matrices of " + size() + " and " + other.size() + " have no product");
        }
        return with(backend.times(other.backend));
    }

    /**
     * The transpose.
     *
     * @return [columns, rows]
     */
    public Matrix transposed() {
        scope.enter();
        return with(backend.transposed());
    }

    /**
     * A sum.
     *
     * @param factor of the other one
     * @param other of the same size
     * @return this + factor · other
     */
    public Matrix plus(double factor, Matrix other) {
        requireSameSize(other);
        return with(backend.plus(factor, other.backend));
    }

    /**
     * A multiple.
     *
     * @param factor of every element
     * @return factor · this
     */
    public Matrix scaled(double factor) {
        scope.enter();
        return with(backend.scaled(factor));
    }

    /**
     * A quotient.
     *
     * @param divisor of every element
     * @return this / divisor
     */
    public Matrix over(double divisor) {
        scope.enter();
        return with(backend.over(divisor));
    }

    /**
     * Some rows.
     *
     * @param begin the first
     * @param end behind the last, above the first
     * @return rows begin to end − 1
     * @throws IndexOutOfBoundsException if they are not all there
     */
    public Matrix rows(int begin, int end) {
        scope.enter();
        Objects.checkFromToIndex(begin, end, rows());
        Checks.positive("rows in a part", end - begin);
        return with(backend.rows(begin, end));
    }

    /**
     * These rows, then those of the other one.
     *
     * @param other with as many columns
     * @return one above the other
     */
    public Matrix above(Matrix other) {
        other.requireOf(scope);
        if (columns() != other.columns()) {
            throw new IllegalArgumentException(
                    "expected as many columns in both matrices, got " + size() + " and " + other.size());
        }
        return with(backend.above(other.backend));
    }

    /**
     * The same with the value all along the diagonal.
     *
     * @param value of every element [i, i]
     * @return of the same size
     */
    public Matrix withDiagonal(double value) {
        scope.enter();
        return with(backend.withDiagonal(value));
    }

    /**
     * The sum of products of elements.
     *
     * @param other of the same size
     * @return Σ this[r, c] · other[r, c]; asking waits for the device
     */
    public DoubleSupplier dot(Matrix other) {
        requireSameSize(other);
        return backend.dot(other.backend);
    }

    /**
     * Softmax of every row.
     *
     * @return of the same size
     */
    public Matrix softmax() {
        scope.enter();
        return with(backend.softmax());
    }

    /**
     * This, a softmax, turns a gradient by its probabilities into that by its logits: g_c = p_c (d_c − Σ_j d_j p_j).
     *
     * @param byProbability of the same size
     * @return of the same size
     */
    public Matrix softmaxGradient(Matrix byProbability) {
        requireSameSize(byProbability);
        return with(backend.softmaxGradient(byProbability.backend));
    }

    /**
     * Of this, a softmax: mean over rows of −log p[label], and the gradient by its logits.
     *
     * @param labels a column for each row
     * @return the loss in nats and its gradient of the same size
     * @throws IndexOutOfBoundsException if a label is no column
     */
    public Term logLoss(int[] labels) {
        scope.enter();
        requireLabels(labels);
        return with(backend.logLoss(labels));
    }

    /**
     * Of this, softmaxes q, from others, p: mean over rows of Σ q (log q − log p).
     *
     * @param from p, of the same size
     * @return the divergence in nats; asking waits for the device
     */
    public DoubleSupplier divergence(Matrix from) {
        requireSameSize(from);
        return backend.divergence(from.backend);
    }

    /**
     * Mean of best(others) + margin − best(current) over the rows where that is positive, 0 if there are none, and its
     * gradient. Best is the highest value in those columns, or, for {@code constantOthers}, the highest probability of
     * a softmax over them; then only the current columns have a gradient.
     *
     * @param others at least one column
     * @param current at least one column
     * @param margin that the current ones must keep
     * @param constantOthers whether softmaxes are compared
     * @return the loss and its gradient of the same size
     * @throws IndexOutOfBoundsException if there is no such column
     */
    public Term margin(int[] others, int[] current, double margin, boolean constantOthers) {
        scope.enter();
        requireColumns(others);
        requireColumns(current);
        if (others.length == 0 || current.length == 0) {
            throw new IllegalArgumentException("a margin between " + others.length + " and " + current.length
                    + " columns: expected at least one of each");
        }
        return with(backend.margin(others, current, margin, constantOthers));
    }

    /**
     * Every row divided by its length.
     *
     * @return the rows and their lengths
     */
    public Unit unitRows() {
        scope.enter();
        MatrixBackend.Unit unit = backend.unitRows();
        return new Unit(with(unit.rows()), with(unit.length()));
    }

    /**
     * Every column's mean taken away.
     *
     * @return of the same size
     */
    public Matrix centred() {
        scope.enter();
        return with(backend.centred());
    }

    /**
     * Of this, a covariance [D, D] of N rows, VICReg's terms: Σ_a max(0, 1 − √(v_aa + 1e-4)) / 2D + Σ_{a≠b} v_ab² /
     * 25D, and their gradient by the covariance. The gradient by the rows is 2 / (N − 1) times the centred rows times
     * that.
     *
     * @return the loss and its gradient [D, D]
     */
    public Term spread() {
        scope.enter();
        if (rows() != columns()) {
            throw new IllegalArgumentException("a covariance must be square, got " + size());
        }
        return with(backend.spread());
    }

    /**
     * In float32, for the tape.
     *
     * @return row-major; the caller releases it
     */
    public Tensor toTensor() {
        scope.enter();
        return backend.toTensor();
    }

    /**
     * The same with 0 in the columns that {@link Matrices#row} gave a number.
     *
     * @param fixed [1, columns]; NaN stands for "no constant"
     * @return row-major; the caller releases it
     */
    public Tensor toTensor(Matrix fixed) {
        fixed.requireConstantsOf(scope, columns());
        return backend.toTensor(fixed.backend);
    }
}
