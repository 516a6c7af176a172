package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.tensor.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The kernel {@link MultiTeacherKl} as a term of a loss: Σ_k w·T²·KL(teacher k ‖ student). The weight w
 * is the same for every teacher and row, unless a call brings its own: a one-hot row chooses one teacher for its sample.
 */
public final class Distillation implements AutoCloseable {
    private final Engine engine;
    private final float temperature;
    private final MultiTeacherKl kernel;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment weights;
    private final MemorySegment[] teachers;

    /**
     * @param maxRows the most rows a batch will have
     * @param classes columns of the student's logits
     * @param ranges the classes that each teacher covers
     */
    public Distillation(Engine engine, int maxRows, int classes, List<ClassRange> ranges, double weight, double temperature) {
        this.engine = engine;
        this.temperature = (float) temperature;
        kernel = new MultiTeacherKl(maxRows, classes, ranges, engine.threads());
        weights = RowWeights.constant(arena, maxRows, ranges.size(), weight);
        teachers = new MemorySegment[ranges.size()];
    }

    /** @param logits of each teacher, [rows, size of its range]; they may be released at once */
    public Scalar term(Tape tape, Variable student, List<Tensor> logits) {
        return term(tape, student, logits, weights);
    }

    /** The same with weights [rows, teachers]; a teacher whose weight in a row is 0 is not read there. They may be released at once. */
    public Scalar term(Tape tape, Variable student, List<Tensor> logits, Tensor rowWeights) {
        Shape expected = Shape.of(student.value().shape().extent(0), teachers.length);
        if (!rowWeights.shape().equals(expected)) {
            throw new IllegalArgumentException("weights of teachers need " + expected + " (rows, teachers), got " + rowWeights.shape());
        }
        return term(tape, student, logits, rowWeights.data());
    }

    private Scalar term(Tape tape, Variable student, List<Tensor> logits, MemorySegment w) {
        Tensor gradient = engine.allocate(student.value().shape());
        for (int k = 0; k < teachers.length; k++) {
            teachers[k] = logits.get(k).data();
        }
        double loss = kernel.lossAndGradient(student.value().shape().extent(0), temperature, student.value().data(), teachers, w,
                gradient.data());
        return tape.fused(student, loss, gradient);
    }

    @Override
    public void close() {
        kernel.close();
        arena.close();
    }
}
