package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/**
 * The kernel {@link MultiTeacherKl} as a term of a loss: Σ_k w·T²·KL(teacher k ‖ student). The weight w is the same
 * for every teacher and row, unless a call brings its own: a one-hot row chooses one teacher for its sample.
 */
public final class Distillation implements AutoCloseable {
    private final TeacherWeights kernel;

    /**
     * A kernel with scratch memory, which {@link #close} frees.
     *
     * @param engine computes the term
     * @param maxRows the most rows a batch will have
     * @param classes columns of the student's logits
     * @param ranges the classes that each teacher covers
     * @param weight w of every teacher and row
     * @param temperature T, finite and above 0
     * @throws IllegalArgumentException if a number is out of range
     */
    public Distillation(
            Engine engine, int maxRows, int classes, List<ClassRange> ranges, double weight, double temperature) {
        kernel = new TeacherWeights(
                engine,
                engine.multiTeacherKl(maxRows, classes, ranges, (float) temperature),
                maxRows,
                ranges.size(),
                weight);
    }

    /**
     * The term of one batch, with the constant weight.
     *
     * @param tape records the term
     * @param student logits [rows, classes], at most {@code maxRows} rows
     * @param logits of each teacher, [rows, size of its range]; they may be released at once
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a shape does not fit
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> logits) {
        return kernel.term(tape, student, logits);
    }

    /**
     * The term of one batch, with weights of its own; a teacher whose weight in a row is 0 is not read there.
     *
     * @param tape records the term
     * @param student logits [rows, classes], at most {@code maxRows} rows
     * @param logits of each teacher, [rows, size of its range]; they may be released at once
     * @param rowWeights [rows, teachers]; they may be released at once
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a shape does not fit
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> logits, Tensor rowWeights) {
        return kernel.term(tape, student, logits, rowWeights);
    }

    @Override
    public void close() {
        kernel.close();
    }
}
