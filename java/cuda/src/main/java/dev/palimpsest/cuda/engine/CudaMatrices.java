package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.MatrixBackend;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Matrices on the device, in memory that {@link #close} gives back: work that is queued on it is done before it has
 * another use.
 */
final class CudaMatrices implements MatrixBackend {
    private final CudaContext engine;
    private final CudaMatrixKernels kernels;
    private final List<DeviceBuffer> taken = new ArrayList<>();

    CudaMatrices(CudaContext engine, CudaMatrixKernels kernels) {
        this.engine = engine;
        this.kernels = kernels;
    }

    CudaContext engine() {
        return engine;
    }

    CudaMatrixKernels kernels() {
        return kernels;
    }

    private DeviceBuffer take(long bytes) {
        DeviceBuffer buffer = engine.take(bytes);
        taken.add(buffer);
        return buffer;
    }

    /** With undefined values. */
    CudaMatrix matrix(int rows, int columns) {
        return new CudaMatrix(this, rows, columns, take((long) rows * columns * Double.BYTES));
    }

    /** The address of a copy on the device. */
    long indices(int[] values) {
        return upload((long) values.length * Integer.BYTES, arena -> arena.allocateFrom(JAVA_INT, values))
                .address();
    }

    private DeviceBuffer upload(long bytes, Function<Arena, MemorySegment> values) {
        DeviceBuffer memory = take(bytes);
        try (Arena temporary = Arena.ofConfined()) {
            engine.staging().upload(values.apply(temporary), engine.lane().stream(), memory.address());
        }
        return memory;
    }

    @Override
    public CudaMatrix of(Tensor matrix) {
        return widened(matrix, 0);
    }

    @Override
    public CudaMatrix of(Tensor matrix, Matrix fixed) {
        return widened(matrix, ((CudaMatrix) fixed).address());
    }

    private CudaMatrix widened(Tensor tensor, long constants) {
        Shape shape = tensor.shape();
        CudaMatrix result = matrix(shape.extent(0), shape.extent(1));
        kernels.run(kernels.widened.with(
                engine.address(tensor), constants, shape.extent(1), result.address(), shape.elements()));
        return result;
    }

    @Override
    public CudaMatrix row(double[] values) {
        return new CudaMatrix(
                this,
                1,
                values.length,
                upload((long) values.length * Double.BYTES, arena -> arena.allocateFrom(JAVA_DOUBLE, values)));
    }

    @Override
    public Tensor mostConfident(List<Matrix> softmaxes, int[] labels) {
        int rows = softmaxes.getFirst().rows();
        int teachers = softmaxes.size();
        long label = labels == null ? 0 : indices(labels);
        CudaMatrix sureness = matrix(rows, teachers);
        for (int k = 0; k < teachers; k++) {
            CudaMatrix p = (CudaMatrix) softmaxes.get(k);
            kernels.run(kernels.sureness.with(
                    p.address(), label, rows, p.columns(), sureness.address() + (long) k * Double.BYTES, teachers));
        }
        Tensor result = engine.allocate(Shape.of(rows, teachers));
        kernels.run(kernels.surest.with(sureness.address(), teachers, engine.address(result), rows));
        return result;
    }

    @Override
    public void close() {
        taken.forEach(DeviceBuffer::close);
        taken.clear();
    }
}
