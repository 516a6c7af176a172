package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The kernel {@link FeatureMse} as a term of a loss: Σ_k w·‖f − f_k‖². The weight w is the same for
 * every teacher and row, unless a call brings its own: a one-hot row chooses one teacher for its sample.
 */
public final class FeatureDistillation implements AutoCloseable {
    private final Engine engine;
    private final FeatureMse kernel;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment weights;
    private final MemorySegment[] teachers;

    /**
     * @param maxRows the most rows a batch will have
     * @param dims of the features
     */
    public FeatureDistillation(Engine engine, int maxRows, int dims, int teachers, double weight) {
        this.engine = engine;
        kernel = new FeatureMse(maxRows, dims, teachers, engine.threads());
        weights = RowWeights.constant(arena, maxRows, teachers, weight);
        this.teachers = new MemorySegment[teachers];
    }

    /** @param features of each teacher, [rows, dims]; they may be released at once */
    public Scalar term(Tape tape, Variable student, List<Tensor> features) {
        return term(tape, student, features, weights);
    }

    /** The same with weights [rows, teachers]; a teacher whose weight in a row is 0 is not read there. They may be released at once. */
    public Scalar term(Tape tape, Variable student, List<Tensor> features, Tensor rowWeights) {
        Shape expected = Shape.of(student.value().shape().extent(0), teachers.length);
        if (!rowWeights.shape().equals(expected)) {
            throw new IllegalArgumentException("weights of teachers need " + expected + " (rows, teachers), got " + rowWeights.shape());
        }
        return term(tape, student, features, rowWeights.data());
    }

    private Scalar term(Tape tape, Variable student, List<Tensor> features, MemorySegment w) {
        Tensor gradient = engine.allocate(student.value().shape());
        for (int k = 0; k < teachers.length; k++) {
            teachers[k] = features.get(k).data();
        }
        double loss = kernel.lossAndGradient(student.value().shape().extent(0), student.value().data(), teachers, w, gradient.data());
        return tape.fused(student, loss, gradient);
    }

    @Override
    public void close() {
        kernel.close();
        arena.close();
    }
}
