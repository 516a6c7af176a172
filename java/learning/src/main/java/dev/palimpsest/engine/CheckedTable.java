package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;

/** Rows whose every use is checked before the device has it. */
final class CheckedTable implements Table {
    private final Lifetime lifetime;
    private final Table backend;
    private final int rows;
    private final int width;

    CheckedTable(Guard guard, Table backend, int rows, int width) {
        lifetime = new Lifetime(guard, "the table is closed: make another one with the engine");
        this.backend = backend;
        this.rows = rows;
        this.width = width;
    }

    @Override
    public void put(int first, Tensor matrix) {
        lifetime.enter();
        lifetime.guard().matrix("what is put into a table", matrix);
        if (first < 0 || matrix.shape().extent(1) != width || matrix.shape().extent(0) > rows - first) {
            throw new IllegalArgumentException("rows of " + matrix.shape() + " from row " + first
                    + " on do not fit a table of " + rows + "×" + width);
        }
        backend.put(first, matrix);
    }

    @Override
    public Tensor gather(int[] indices) {
        lifetime.enter();
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

    @Override
    public void close() {
        if (lifetime.close()) {
            backend.close();
        }
    }
}
