package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.DeviceBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The memory of matrices, which {@link #close} gives back: work that is queued on it is done before it has another
 * use.
 */
final class CudaMatrixScope implements AutoCloseable {
    private final CudaContext engine;
    private final CudaMatrixKernels kernels;
    private final List<DeviceBuffer> taken = new ArrayList<>();

    CudaMatrixScope(CudaContext engine, CudaMatrixKernels kernels) {
        this.engine = engine;
        this.kernels = kernels;
    }

    CudaContext engine() {
        return engine;
    }

    CudaMatrixKernels kernels() {
        return kernels;
    }

    DeviceBuffer take(long bytes) {
        DeviceBuffer buffer = engine.take(bytes);
        taken.add(buffer);
        return buffer;
    }

    /** The address of a copy on the device. */
    long indices(int[] values) {
        return upload((long) values.length * Integer.BYTES, arena -> arena.allocateFrom(JAVA_INT, values))
                .address();
    }

    DeviceBuffer upload(long bytes, Function<Arena, MemorySegment> values) {
        DeviceBuffer memory = take(bytes);
        try (Arena temporary = Arena.ofConfined()) {
            engine.staging().upload(values.apply(temporary), engine.streamContext().stream(), memory.address());
        }
        return memory;
    }

    @Override
    public void close() {
        taken.forEach(DeviceBuffer::close);
        taken.clear();
    }
}
