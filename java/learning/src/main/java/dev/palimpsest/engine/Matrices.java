package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.List;

/**
 * Small matrices in double precision where the engine computes, of which the losses of a batch's logits and features
 * are made. Relations between rows are differences of nearly equal products, which float32, let alone TF32, would
 * lose. Nothing here makes the host wait. Closing gives all of their memory back.
 */
public sealed interface Matrices extends AutoCloseable permits CpuMatrices, CudaMatrices {
    /**
     * A row-major matrix's values; it may be released at once.
     *
     * @throws IllegalArgumentException if it is no matrix
     */
    Matrix of(Tensor matrix);

    /**
     * The same with the constants of {@link #row} in their columns.
     *
     * @throws IllegalArgumentException if the numbers of columns differ
     */
    Matrix of(Tensor matrix, Matrix fixed);

    /**
     * One row. NaN stands for "no constant" where {@link #of(Tensor, Matrix)} and {@link Matrix#toTensor(Matrix)} take
     * it.
     */
    Matrix row(double[] values);

    /**
     * Which of several softmaxes [B, C] is the surest of each row: the one with the highest probability, of all or of
     * the label. The first wins ties.
     *
     * @param labels a column for each row, or null
     * @return one-hot rows [B, softmaxes]; the caller releases it
     */
    Tensor surest(List<Matrix> softmaxes, int[] labels);

    @Override
    void close();
}
