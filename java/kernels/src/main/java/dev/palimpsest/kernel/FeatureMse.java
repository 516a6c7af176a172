package dev.palimpsest.kernel;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Distillation of features: mean over rows b of Σ_k w[b,k]·‖f_b − g_kb‖² (summed over dimensions) and its gradient
 * with respect to the student's features f, in one sweep.
 *
 * <p>A teacher whose weight in a row is 0 is not read there. NaN gives a NaN loss. The bits depend neither on the
 * implementation nor on the number of threads. Calls allocate nothing once memory of the same kind (off-heap or
 * arrays) was passed before. Thread-safe, but calls take turns: threads that compute at once have an instance each.
 * {@link #close()} frees its scratch memory. Order of reduction: native/kernels/feature_mse/feature_mse.md.
 */
public final class FeatureMse implements AutoCloseable {
    private final RowSplit split;

    /**
     * With the implementation that {@link Kernels#chosen()} names.
     *
     * @param maxRows the most rows a call will have
     * @param dims features of a row
     * @param teachers how many; may be 0
     * @param threads threads that share a call's rows, the caller among them
     * @throws IllegalArgumentException if a size is out of range, or scratch memory of more than 4 GiB would be needed
     */
    public FeatureMse(int maxRows, int dims, int teachers, int threads) {
        this(maxRows, dims, teachers, threads, Kernels.chosen());
    }

    /**
     * With a given implementation; all of them give the same bits.
     *
     * @param maxRows the most rows a call will have
     * @param dims features of a row
     * @param teachers how many; may be 0
     * @param threads threads that share a call's rows, the caller among them
     * @param implementation what computes
     * @throws IllegalArgumentException if a size is out of range, or scratch memory of more than 4 GiB would be needed
     * @throws UnsupportedOperationException if the implementation cannot run here
     */
    public FeatureMse(int maxRows, int dims, int teachers, int threads, Implementation implementation) {
        if (maxRows < 1 || dims < 1 || teachers < 0) {
            throw new IllegalArgumentException("maxRows " + maxRows + ", dims " + dims + ", teachers " + teachers
                    + ": expected at least 1, 1 and 0");
        }
        Team team = Team.of(threads);
        Memory.checkScratch(
                "maxRows " + maxRows + ", dims " + dims + ", " + teachers + " teachers and " + threads + " threads",
                8.0 * maxRows + threads * (16.0 * dims + 64.0 * teachers));
        int[] teacherColumns = new int[teachers];
        Arrays.fill(teacherColumns, dims);
        RowKernel kernel = Kernels.require(implementation) == Implementation.JAVA
                ? new JavaFeatureMse(maxRows, dims, teachers, team)
                : NativeRowKernel.featureMse(implementation, maxRows, dims, teacherColumns, threads);
        split = new RowSplit(kernel, team, maxRows, dims, teacherColumns);
    }

    /**
     * The loss of a batch, and its gradient.
     *
     * @param rows B, 1 to maxRows
     * @param student features [B, dims], float32, row-major and dense, off-heap or over a {@code float[]}; so all
     *     segments
     * @param teachers features [B, dims] of each teacher
     * @param weight w [B, teachers]
     * @param gradient [B, dims], overwritten
     * @return the loss; the sum over rows is taken in row order, in float64
     * @throws IllegalArgumentException if a segment is too small, closed, of another thread, or overlaps the gradient
     * @throws IllegalStateException if this is closed, or a segment is closed while the call runs
     */
    public double lossAndGradient(
            int rows, MemorySegment student, MemorySegment[] teachers, MemorySegment weight, MemorySegment gradient) {
        return split.lossAndGradient(rows, 1, student, teachers, weight, gradient);
    }

    /**
     * The same on arrays; views of them are all that is allocated.
     *
     * @param rows B, 1 to maxRows
     * @param student features [B, dims]
     * @param teachers features [B, dims] of each teacher
     * @param weight w [B, teachers]
     * @param gradient [B, dims], overwritten
     * @return the loss
     * @throws IllegalArgumentException if an array is too short or is also the gradient's
     */
    public double lossAndGradient(int rows, float[] student, float[][] teachers, float[] weight, float[] gradient) {
        return lossAndGradient(
                rows,
                Memory.view("student", student),
                Memory.views("teacher", teachers),
                Memory.view("weight", weight),
                Memory.view("gradient", gradient));
    }

    /** Frees the scratch memory; calls after it throw {@link IllegalStateException}. */
    @Override
    public void close() {
        split.close();
    }
}
