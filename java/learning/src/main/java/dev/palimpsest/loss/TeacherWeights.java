package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.TeacherLoss;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/** A teachers' kernel with the weights that it takes where a call brings none: the same for every teacher and row. */
final class TeacherWeights implements AutoCloseable {
    private final Engine engine;
    private final int teachers;
    private final TeacherLoss kernel;
    private final Tensor constant;

    /** Takes the kernel over. */
    TeacherWeights(Engine engine, TeacherLoss kernel, int maxRows, int teachers, double weight) {
        this.engine = engine;
        this.teachers = teachers;
        this.kernel = kernel;
        float[] weights = new float[maxRows * teachers];
        Arrays.fill(weights, (float) weight);
        constant = engine.tensor(Shape.of(maxRows, teachers), weights);
    }

    Scalar term(Tape tape, Variable student, List<Tensor> outputs) {
        return tape.fused(student, kernel.of(student.value(), outputs, constant));
    }

    Scalar term(Tape tape, Variable student, List<Tensor> outputs, Tensor rowWeights) {
        Shape expected = Shape.of(student.value().shape().extent(0), teachers);
        if (!rowWeights.shape().equals(expected)) {
            throw new IllegalArgumentException(
                    "weights of teachers need " + expected + " (rows, teachers), got " + rowWeights.shape());
        }
        return tape.fused(student, kernel.of(student.value(), outputs, rowWeights));
    }

    @Override
    public void close() {
        kernel.close();
        engine.release(constant);
    }
}
