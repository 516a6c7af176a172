package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;

/**
 * Rows that are kept for longer than a step, in memory that {@link #close} frees. It belongs to the thread of the
 * engine that made it.
 */
public interface Table extends AutoCloseable {
    /**
     * Copies a matrix's rows in, to the rows from the given one on.
     *
     * @param first the row that the matrix's first goes to
     * @param matrix row-major [rows, width]
     * @throws IllegalArgumentException if the matrix does not fit
     */
    void put(int first, Tensor matrix);

    /**
     * A matrix of the given rows, in that order.
     *
     * @param indices of rows, at least one
     * @return row-major [indices, width], to be released by the caller
     * @throws IndexOutOfBoundsException if there is no such row
     */
    Tensor gather(int[] indices);

    @Override
    void close();
}
