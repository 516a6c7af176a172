package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.Table;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;

/** Rows on the device, gathered there. */
final class CudaTable implements Table {
    private final CudaContext engine;
    private final int width;
    private final DeviceBuffer memory;
    private final CudaKernel gather;

    CudaTable(CudaContext engine, int rows, int width) {
        this.engine = engine;
        this.width = width;
        memory = engine.take((long) rows * width * Float.BYTES);
        gather = engine.device().kernel("gather");
    }

    private long address() {
        return memory.usedBy(engine.streamContext().stream()).address();
    }

    @Override
    public void put(int first, Tensor matrix) {
        long bytes = matrix.shape().bytes();
        long from = (long) first * width * Float.BYTES;
        engine.streamContext().stream().copy(engine.address(matrix), address() + from, bytes);
    }

    @Override
    public Tensor gather(int[] indices) {
        Tensor result = engine.allocate(Shape.of(indices.length, width));
        try (DeviceBuffer wanted = engine.take((long) indices.length * Integer.BYTES);
                Arena temporary = Arena.ofConfined()) {
            engine.staging()
                    .upload(
                            temporary.allocateFrom(JAVA_INT, indices),
                            engine.streamContext().stream(),
                            wanted.address());
            long count = result.shape().elements();
            gather.with(address(), wanted.address(), width, engine.address(result), count)
                    .run(engine.streamContext().stream());
        }
        return result;
    }

    @Override
    public void close() {
        memory.close();
    }
}
