package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.palimpsest.engine.MatrixBackend;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrices on the device. */
final class CudaMatrices implements MatrixBackend {
    private final CudaMatrixScope scope;

    CudaMatrices(CudaContext engine, CudaMatrixKernels kernels) {
        scope = new CudaMatrixScope(engine, kernels);
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
        CudaMatrix result = CudaMatrix.undefined(scope, shape.extent(0), shape.extent(1));
        scope.kernels()
                .run(scope.kernels()
                        .widened
                        .with(
                                scope.engine().address(tensor),
                                constants,
                                shape.extent(1),
                                result.address(),
                                shape.elements()));
        return result;
    }

    @Override
    public CudaMatrix row(double[] values) {
        return new CudaMatrix(
                scope,
                1,
                values.length,
                scope.upload((long) values.length * Double.BYTES, arena -> arena.allocateFrom(JAVA_DOUBLE, values)));
    }

    @Override
    public Tensor mostConfident(List<Matrix> softmaxes, int @Nullable [] labels) {
        int rows = softmaxes.getFirst().rows();
        int teachers = softmaxes.size();
        long label = labels == null ? 0 : scope.indices(labels);
        CudaMatrix confidence = CudaMatrix.undefined(scope, rows, teachers);
        for (int k = 0; k < teachers; k++) {
            CudaMatrix p = (CudaMatrix) softmaxes.get(k);
            scope.kernels()
                    .run(scope.kernels()
                            .confidence
                            .with(
                                    p.address(),
                                    label,
                                    rows,
                                    p.columns(),
                                    confidence.address() + (long) k * Double.BYTES,
                                    teachers));
        }
        Tensor result = scope.engine().allocate(Shape.of(rows, teachers));
        scope.kernels()
                .run(scope.kernels()
                        .mostConfident
                        .with(confidence.address(), teachers, scope.engine().address(result), rows));
        return result;
    }

    @Override
    public void close() {
        scope.close();
    }
}
