package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrices on the device. */
final class CudaMatrices implements Matrices {
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
                .run(
                        "widened",
                        scope.engine().address(tensor),
                        constants,
                        shape.extent(1),
                        result.address(),
                        shape.elements());
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
    public Tensor argMax(List<Matrix> matrices, int @Nullable [] columns) {
        int rows = matrices.getFirst().rows();
        int choices = matrices.size();
        long wanted = columns == null ? 0 : scope.indices(columns);
        CudaMatrix values = CudaMatrix.undefined(scope, rows, choices);
        for (int k = 0; k < choices; k++) {
            CudaMatrix each = (CudaMatrix) matrices.get(k);
            scope.kernels()
                    .run(
                            "highest",
                            each.address(),
                            wanted,
                            rows,
                            each.columns(),
                            values.address() + (long) k * Double.BYTES,
                            choices);
        }
        Tensor result = scope.engine().allocate(Shape.of(rows, choices));
        scope.kernels().run("argmax", values.address(), choices, scope.engine().address(result), rows);
        return result;
    }

    @Override
    public void close() {
        scope.close();
    }
}
