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
     * @param maxRows the most rows a batch will have
     * @param classes columns of the student's logits
     * @param ranges the classes that each teacher covers
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

    /** @param logits of each teacher, [rows, size of its range]; they may be released at once */
    public Scalar term(Tape tape, Variable student, List<Tensor> logits) {
        return kernel.term(tape, student, logits);
    }

    /**
     * The same with weights [rows, teachers]; a teacher whose weight in a row is 0 is not read there. They may be
     * released at once.
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> logits, Tensor rowWeights) {
        return kernel.term(tape, student, logits, rowWeights);
    }

    @Override
    public void close() {
        kernel.close();
    }
}
