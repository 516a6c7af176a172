package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Small matrices in double precision where the engine computes, of which the losses of a batch's logits and features
 * are made. Relations between rows are differences of nearly equal products, which float32, let alone TF32, would
 * lose. Nothing here makes the host wait. Closing gives all of their memory back. They belong to the thread of the
 * engine that made them.
 */
public final class Matrices implements AutoCloseable {
    private final MatrixScope scope;
    private final MatrixBackend backend;

    Matrices(Guard guard, MatrixBackend backend) {
        this.scope = new MatrixScope(guard);
        this.backend = backend;
    }

    /**
     * A tensor's values in double precision; the tensor may be released at once.
     *
     * @param matrix row-major [rows, columns]
     * @return of the same size
     * @throws IllegalArgumentException if it is no matrix
     */
    public Matrix of(Tensor matrix) {
        scope.enter();
        scope.guard().matrix("a loss's input", matrix);
        return new Matrix(scope, backend.of(matrix));
    }

    /**
     * The same with the constants of {@link #row} in their columns.
     *
     * @param matrix row-major [rows, columns]
     * @param fixed [1, columns]; NaN stands for "no constant"
     * @return of the matrix's size
     * @throws IllegalArgumentException if it is no matrix or the numbers of columns differ
     */
    public Matrix of(Tensor matrix, Matrix fixed) {
        scope.enter();
        scope.guard().matrix("a loss's input", matrix);
        fixed.requireConstantsOf(scope, matrix.shape().extent(1));
        return new Matrix(scope, backend.of(matrix, fixed.backend()));
    }

    /**
     * One row.
     *
     * @param values of the row, at least one; NaN stands for "no constant" where {@link #of(Tensor, Matrix)} and
     *     {@link Matrix#toTensor(Matrix)} take it
     * @return [1, values]
     */
    public Matrix row(double[] values) {
        scope.enter();
        if (values.length == 0) {
            throw new IllegalArgumentException("a row of no values: expected at least one");
        }
        return new Matrix(scope, backend.row(values));
    }

    /**
     * Which of several softmaxes [B, C] is the most confident one of each row: the one with the highest probability,
     * of all or of the label. The first wins ties.
     *
     * @param softmaxes of one size, at least one
     * @param labels a column for each row, or null
     * @return one-hot rows [B, softmaxes]; the caller releases it
     * @throws IllegalArgumentException if sizes or the number of labels do not fit
     * @throws IndexOutOfBoundsException if a label is no column
     */
    public Tensor mostConfident(List<Matrix> softmaxes, int @Nullable [] labels) {
        scope.enter();
        if (softmaxes.isEmpty()) {
            throw new IllegalArgumentException("expected at least one softmax to choose from, got none");
        }
        List<MatrixBackend.Matrix> all = new ArrayList<>();
        for (Matrix softmax : softmaxes) {
            softmaxes.getFirst().requireSameSize(softmax);
            all.add(softmax.backend());
        }
        if (labels != null) {
            softmaxes.getFirst().requireLabels(labels);
        }
        return backend.mostConfident(all, labels);
    }

    @Override
    public void close() {
        if (scope.close()) {
            backend.close();
        }
    }
}
