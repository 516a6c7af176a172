package dev.palimpsest.kernel;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Distillation from several teachers at once: mean over rows b of Σ_k w[b,k]·T²·KL(softmax(t_k/T) ‖
 * softmax(s[begin_k:end_k]/T)), in nats, and its gradient with respect to the student's logits s, in one pass.
 *
 * <p>Teacher k covers its own half-open range of classes, so M2KD's groups (arXiv 1904.01769) and full-range
 * distillation are one kernel; a one-hot row of w is MLKD's choice of one teacher a sample (arXiv 2508.12692). A
 * teacher whose weight in a row is 0 is not read there. The bits depend neither on the implementation nor on the number
 * of threads.
 *
 * <p>A logit of −∞ is a class of probability 0. Where the teacher's is 0 (−∞, or below about e<sup>−87</sup> times its
 * largest) the class adds nothing to the loss, whatever the student's is: a class that both mask is no class, but for a
 * gradient of 0. Where the teacher's is above 0 and the student's 0, the loss is infinite and the gradient finite. NaN
 * anywhere in a row that is read, +∞, and a range that is −∞ throughout give a NaN loss, and NaN gradients in that
 * range.
 *
 * <p>Calls allocate nothing once memory of the same kind (off-heap or arrays) was passed before. Thread-safe, but calls
 * take turns: threads that compute at once have an instance each. {@link #close()} frees its scratch memory. Formula
 * and order of reduction: native/kernels/multi_teacher_kl/multi_teacher_kl.md.
 */
public final class MultiTeacherKl implements AutoCloseable {
    private static final float LEAST_TEMPERATURE = 1e-30f;
    private static final float MOST_TEMPERATURE = 1e30f;

    private final RowSplit split;

    /**
     * With the implementation that {@link Kernels#chosen()} names.
     *
     * @param maxRows the most rows a call will have
     * @param classes columns of student and gradient
     * @param ranges the classes of each teacher, within [0, classes); may be empty
     * @param threads threads that share a call's rows, the caller among them
     * @throws IllegalArgumentException if a size is not positive, a range is empty or lies outside the classes, or
     *     scratch memory of more than 4 GiB would be needed
     */
    public MultiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, int threads) {
        this(maxRows, classes, ranges, threads, Kernels.chosen());
    }

    /**
     * With a given implementation; all of them give the same bits.
     *
     * @param maxRows the most rows a call will have
     * @param classes columns of student and gradient
     * @param ranges the classes of each teacher, within [0, classes); may be empty
     * @param threads threads that share a call's rows, the caller among them
     * @param implementation what computes
     * @throws IllegalArgumentException if a size is not positive, a range is empty or lies outside the classes, or
     *     scratch memory of more than 4 GiB would be needed
     * @throws UnsupportedOperationException if the implementation cannot run here
     */
    public MultiTeacherKl(
            int maxRows, int classes, List<ClassRange> ranges, int threads, Implementation implementation) {
        if (maxRows < 1 || classes < 1) {
            throw new IllegalArgumentException(
                    "maxRows " + maxRows + " and classes " + classes + ": expected at least 1 of each");
        }
        for (int k = 0; k < ranges.size(); k++) {
            ClassRange range = ranges.get(k);
            if (range == null) {
                throw new NullPointerException("range " + k + " is null: expected a teacher's classes");
            }
            if (range.size() == 0) {
                throw new IllegalArgumentException(
                        "a teacher's classes " + range + " are empty: expected at least one");
            }
            if (range.end() > classes) {
                throw new IllegalArgumentException(
                        "a teacher's classes " + range + " lie outside the student's [0, " + classes + ")");
            }
        }
        Team team = Team.of(threads);
        double widest = ranges.stream().mapToInt(ClassRange::size).max().orElse(0);
        Memory.checkScratch(
                "maxRows " + maxRows + ", classes " + classes + ", " + ranges.size() + " teachers and " + threads
                        + " threads",
                8.0 * maxRows + threads * (4.0 * classes + (ranges.size() + 2) * 4 * (widest + 16)));
        List<ClassRange> copy = List.copyOf(ranges);
        RowKernel kernel = Kernels.require(implementation) == Implementation.JAVA
                ? new JavaMultiTeacherKl(maxRows, classes, copy, team)
                : NativeRowKernel.multiTeacherKl(implementation, maxRows, classes, copy, threads);
        split = new RowSplit(
                kernel,
                team,
                maxRows,
                classes,
                copy.stream().mapToInt(ClassRange::size).toArray());
    }

    /**
     * The loss of a batch, and its gradient.
     *
     * @param rows B, 1 to maxRows
     * @param temperature T, from 1e-30 to 1e30
     * @param student logits [B, classes], float32, row-major and dense, off-heap or over a {@code float[]}; so all
     *     segments
     * @param teachers logits [B, size of its range] of each teacher
     * @param weight w [B, teachers]
     * @param gradient [B, classes], overwritten; classes that no teacher covers get 0
     * @return the loss; the sum over rows is taken in row order, in float64
     * @throws IllegalArgumentException if a segment is too small, closed, of another thread, or overlaps the gradient
     * @throws IllegalStateException if this is closed, or a segment is closed while the call runs
     */
    public double lossAndGradient(
            int rows,
            float temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        if (!(temperature > 0 && temperature < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("temperature " + temperature + ": expected a finite value above 0");
        }
        if (temperature < LEAST_TEMPERATURE || temperature > MOST_TEMPERATURE) {
            throw new IllegalArgumentException("temperature " + temperature + ": expected " + LEAST_TEMPERATURE + " to "
                    + MOST_TEMPERATURE + ", with which logits have quotients in float32");
        }
        return split.lossAndGradient(rows, temperature, student, teachers, weight, gradient);
    }

    /**
     * The same on arrays; views of them are all that is allocated.
     *
     * @param rows B, 1 to maxRows
     * @param temperature T, from 1e-30 to 1e30
     * @param student logits [B, classes]
     * @param teachers logits [B, size of its range] of each teacher
     * @param weight w [B, teachers]
     * @param gradient [B, classes], overwritten
     * @return the loss
     * @throws IllegalArgumentException if an array is too short or is also the gradient's
     */
    public double lossAndGradient(
            int rows, float temperature, float[] student, float[][] teachers, float[] weight, float[] gradient) {
        return lossAndGradient(
                rows,
                temperature,
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
