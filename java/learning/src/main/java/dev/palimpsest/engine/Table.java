package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;

/**
 * Rows that are kept for longer than a step, in memory that {@link #close} frees. It belongs to the thread of the
 * engine that made it.
 */
public final class Table implements AutoCloseable {
    private final Guard guard;
    private final Backend.Table backend;
    private final int rows;
    private final int width;
    private boolean closed;

    Table(Guard guard, Backend.Table backend, int rows, int width) {
        this.guard = guard;
        this.backend = backend;
        this.rows = rows;
        this.width = width;
    }

    /**
     * Copies a matrix's rows in, to the rows from the given one on.
     *
     * @param first the row that the matrix's first goes to
     * @param matrix row-major [rows, width]
     * @throws IllegalArgumentException if the matrix does not fit
     */
    public void put(int first, Tensor matrix) {
        enter();
        guard.matrix("what is put into a table", matrix);
        if (first < 0 || matrix.shape().extent(1) != width || matrix.shape().extent(0) > rows - first) {
            throw new IllegalArgumentException("rows of " + matrix.shape() + " from row " + first
                    + " on do not fit a table of " + rows + "×" + width);
        }
        backend.put(first, matrix);
    }

    /**
     * A matrix of the given rows, in that order.
     *
     * @param indices of rows, at least one
     * @return row-major [indices, width], to be released by the caller
     * @throws IndexOutOfBoundsException if there is no such row
     */
    public Tensor gather(int[] indices) {
        enter();
        if (indices.length == 0) {
            throw new IllegalArgumentException("no rows were asked for: expected at least one index");
        }
        for (int index : indices) {
            if (index < 0 || index >= rows) {
                throw new IndexOutOfBoundsException("row " + index + " of a table of " + rows + " rows");
            }
        }
        return backend.gather(indices);
    }

    private void enter() {
        guard.enter();
        if (closed) {
            throw new IllegalStateException("the table is closed: make another one with the engine");
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            backend.close();
        }
    }
}
