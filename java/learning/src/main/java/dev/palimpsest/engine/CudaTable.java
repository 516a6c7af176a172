package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;

/** Rows on the device, gathered there. */
final class CudaTable implements Engine.Table {
    private final CudaEngine engine;
    private final int rows;
    private final int width;
    private final DeviceBuffer memory;
    private final CudaKernel gather;

    CudaTable(CudaEngine engine, int rows, int width) {
        this.engine = engine;
        this.rows = rows;
        this.width = width;
        memory = engine.take((long) rows * width * Float.BYTES);
        gather = engine.device().kernel("gather");
    }

    private long address() {
        return memory.usedBy(engine.lane().stream()).address();
    }

    @Override
    public void put(int first, Tensor matrix) {
        long bytes = matrix.shape().bytes();
        long from = (long) first * width * Float.BYTES;
        if (first < 0 || matrix.shape().extent(1) != width || from + bytes > memory.bytes()) {
            throw new IllegalArgumentException("rows of " + matrix.shape() + " from row " + first
                    + " on do not fit a table of " + rows + "×" + width);
        }
        engine.lane().stream().copy(engine.address(matrix), address() + from, bytes);
    }

    @Override
    public Tensor gather(int[] indices) {
        Tensor result = engine.allocate(Shape.of(indices.length, width));
        try (DeviceBuffer wanted = engine.take((long) indices.length * Integer.BYTES);
                Arena temporary = Arena.ofConfined()) {
            engine.staging()
                    .upload(
                            temporary.allocateFrom(JAVA_INT, checked(indices)),
                            engine.lane().stream(),
                            wanted.address());
            long count = result.shape().elements();
            gather.with(address(), wanted.address(), width, engine.address(result), count)
                    .run(engine.lane().stream());
        }
        return result;
    }

    private int[] checked(int[] indices) {
        for (int index : indices) {
            if (index < 0 || index >= rows) {
                throw new IndexOutOfBoundsException("row " + index + " of a table of " + rows + " rows");
            }
        }
        return indices;
    }

    @Override
    public void close() {
        memory.close();
    }
}
