package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Table;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Rows in memory of their own. */
final class CpuTable implements Table {
    private final OneDnnContext engine;
    private final int width;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment rows;

    CpuTable(OneDnnContext engine, int rows, int width) {
        this.engine = engine;
        this.width = width;
        this.rows = arena.allocate(rows * rowBytes(), 64);
    }

    private long rowBytes() {
        return (long) width * Float.BYTES;
    }

    @Override
    public void put(int first, Tensor matrix) {
        MemorySegment.copy(
                matrix.data(), 0, rows, first * rowBytes(), matrix.shape().bytes());
    }

    @Override
    public Tensor gather(int[] indices) {
        Tensor output = engine.allocate(Shape.of(indices.length, width));
        for (int i = 0; i < indices.length; i++) {
            MemorySegment.copy(rows, indices[i] * rowBytes(), output.data(), i * rowBytes(), rowBytes());
        }
        return output;
    }

    @Override
    public void close() {
        arena.close();
    }
}
