package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrices whose every use is checked before the device has it. */
final class CheckedMatrices implements Matrices {
    private final Lifetime scope;
    private final Matrices backend;

    CheckedMatrices(Guard guard, Matrices backend) {
        this.scope = new Lifetime(guard, "the matrices are closed: compute before Matrices.close");
        this.backend = backend;
    }

    @Override
    public Matrix of(Tensor matrix) {
        scope.enter();
        scope.guard().matrix("a loss's input", matrix);
        return new CheckedMatrix(scope, backend.of(matrix));
    }

    @Override
    public Matrix of(Tensor matrix, Matrix fixed) {
        scope.enter();
        scope.guard().matrix("a loss's input", matrix);
        Matrix constants = CheckedMatrix.constants(fixed, scope, matrix.shape().extent(1));
        return new CheckedMatrix(scope, backend.of(matrix, constants));
    }

    @Override
    public Matrix row(double[] values) {
        scope.enter();
        if (values.length == 0) {
            throw new IllegalArgumentException("a row of no values: expected at least one");
        }
        return new CheckedMatrix(scope, backend.row(values));
    }

    @Override
    public Tensor argMax(List<Matrix> matrices, int @Nullable [] columns) {
        scope.enter();
        if (matrices.isEmpty()) {
            throw new IllegalArgumentException("expected at least one matrix to choose from, got none");
        }
        CheckedMatrix first = CheckedMatrix.checked(matrices.getFirst(), scope);
        List<Matrix> all = matrices.stream().map(first::sameSize).toList();
        if (columns != null) {
            first.requireLabels(columns);
        }
        return backend.argMax(all, columns);
    }

    @Override
    public void close() {
        if (scope.close()) {
            backend.close();
        }
    }
}
