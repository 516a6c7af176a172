package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A scope of {@link Matrices} on one device, for those who write engines. Each operation is that of {@link Matrices}
 * or {@link dev.palimpsest.engine.Matrix} of the same name, where it is described. A backend may assume that sizes fit
 * and that every matrix is its own and of an open scope.
 */
public interface MatrixBackend extends AutoCloseable {
    /**
     * A loss and its gradient.
     *
     * @param value asking waits for the device
     * @param gradient by what the loss is of
     */
    record Term(DoubleSupplier value, Matrix gradient) {}

    /**
     * Rows of length 1.
     *
     * @param rows divided by their lengths
     * @param length [rows, 1], at least 1e-12
     */
    record Unit(Matrix rows, Matrix length) {}

    /** One matrix in double precision, which never changes. */
    interface Matrix {
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
         * @param end behind the last
         * @return those rows
         */
        Matrix rows(int begin, int end);

        /**
         * Two matrices, one above the other.
         *
         * @param other with as many columns
         * @return this, then the other one
         */
        Matrix above(Matrix other);

        /**
         * Another diagonal.
         *
         * @param value all along it
         * @return the same elsewhere
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
         * The gradient by the logits of this softmax.
         *
         * @param byProbability of the same size
         * @return of the same size
         */
        Matrix softmaxGradient(Matrix byProbability);

        /**
         * Mean over rows of −log this[row, label].
         *
         * @param labels a column for each row
         * @return the loss and its gradient by the logits
         */
        Term logLoss(int[] labels);

        /**
         * Mean over rows of Σ this · (log this − log from).
         *
         * @param from softmaxes of the same size
         * @return the divergence; asking waits for the device
         */
        DoubleSupplier divergence(Matrix from);

        /**
         * See {@link dev.palimpsest.engine.Matrix#margin}.
         *
         * @param others at least one column
         * @param current at least one column
         * @param margin to be kept
         * @param constantOthers whether softmaxes are compared
         * @return the loss and its gradient
         */
        Term margin(int[] others, int[] current, double margin, boolean constantOthers);

        /**
         * Every row divided by its length.
         *
         * @return the rows and their lengths
         */
        Unit unitRows();

        /**
         * Of these unit rows: a gradient by them as one by what they were.
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
         * See {@link dev.palimpsest.engine.Matrix#spread}.
         *
         * @return the loss and its gradient by this square matrix
         */
        Term spread();

        /**
         * In float32.
         *
         * @return row-major
         */
        Tensor toTensor();

        /**
         * In float32, with 0 where a row of constants has a number.
         *
         * @param fixed [1, columns], NaN where the value counts
         * @return row-major
         */
        Tensor toTensor(Matrix fixed);
    }

    /**
     * A tensor's values in double precision.
     *
     * @param matrix row-major
     * @return of the same size
     */
    Matrix of(Tensor matrix);

    /**
     * The same with constants in some columns.
     *
     * @param matrix row-major
     * @param fixed [1, columns], NaN where the tensor's value counts
     * @return of the same size
     */
    Matrix of(Tensor matrix, Matrix fixed);

    /**
     * One row.
     *
     * @param values of the row
     * @return [1, values]
     */
    Matrix row(double[] values);

    /**
     * See {@link Matrices#mostConfident}.
     *
     * @param softmaxes of one size, at least one
     * @param labels a column for each row, or null
     * @return one-hot, row-major [rows, softmaxes]
     */
    Tensor mostConfident(List<Matrix> softmaxes, int @Nullable [] labels);

    @Override
    void close();
}
