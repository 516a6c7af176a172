package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.List;

/**
 * A kernel that compares a student with several teachers; it has scratch memory, which {@link #close} frees. It
 * belongs to the thread of the engine that made it.
 */
public interface TeacherLoss extends AutoCloseable {
    /**
     * The mean over a batch's rows, and its gradient by the student.
     *
     * @param student row-major [B, columns], B from 1 to the most rows
     * @param teachers what each of them gives for the same rows, [B, its columns]; they may be released at once, and
     *     so may the weights
     * @param weights at least B rows of one weight for each teacher; a teacher is not read where its weight is 0
     * @return the loss and its gradient [B, columns]
     * @throws IllegalArgumentException if a shape does not fit
     * @throws IllegalStateException if the kernel or the engine is closed
     */
    Loss of(Tensor student, List<Tensor> teachers, Tensor weights);

    @Override
    void close();
}
