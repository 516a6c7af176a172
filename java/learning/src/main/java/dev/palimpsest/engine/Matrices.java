package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Small matrices in double precision where the engine computes, of which the losses of a batch's logits and features
 * are made. Relations between rows are differences of nearly equal products, which float32, let alone TF32, would
 * lose. Nothing here makes the host wait. Closing gives all of their memory back. They belong to the thread of the
 * engine that made them.
 */
public interface Matrices extends AutoCloseable {
    /**
     * A tensor's values in double precision; the tensor may be released at once.
     *
     * @param matrix row-major [rows, columns]
     * @return of the same size
     * @throws IllegalArgumentException if it is no matrix
     */
    Matrix of(Tensor matrix);

    /**
     * The same with the constants of {@link #row} in their columns.
     *
     * @param matrix row-major [rows, columns]
     * @param fixed [1, columns]; NaN stands for "no constant"
     * @return of the matrix's size
     * @throws IllegalArgumentException if it is no matrix or the numbers of columns differ
     */
    Matrix of(Tensor matrix, Matrix fixed);

    /**
     * One row.
     *
     * @param values of the row, at least one; NaN stands for "no constant" where {@link #of(Tensor, Matrix)} and
     *     {@link Matrix#toTensor(Matrix)} take it
     * @return [1, values]
     */
    Matrix row(double[] values);

    /**
     * Which of several matrices m_k [B, C] is the highest in each row b: the first k with the highest max_c m_k[b, c],
     * or, where columns are given, with the highest m_k[b, columns[b]].
     *
     * @param matrices of one size, at least one
     * @param columns one for each row, or null
     * @return one-hot rows [B, matrices]; the caller releases it
     * @throws IllegalArgumentException if sizes or the number of columns do not fit
     * @throws IndexOutOfBoundsException if there is no such column
     */
    Tensor argMax(List<Matrix> matrices, int @Nullable [] columns);

    @Override
    void close();
}
