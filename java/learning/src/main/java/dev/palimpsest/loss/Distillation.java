package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.TeacherLoss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * A kernel that compares a student with teachers, as a term of a loss: {@link MultiTeacherKl} for logits,
 * {@link FeatureMse} for features. The weight w is the same for every teacher and row, unless a call brings its own: a
 * one-hot row chooses one teacher for its sample. It has scratch memory, which {@link #close} frees, and belongs to
 * the thread of the engine that made it.
 */
public final class Distillation implements AutoCloseable {
    private final Engine engine;
    private final int teachers;
    private final TeacherLoss kernel;
    private final Tensor constant;

    /** Takes the kernel over. */
    private Distillation(Engine engine, TeacherLoss kernel, int maxRows, int teachers, double weight) {
        this.engine = engine;
        this.teachers = teachers;
        this.kernel = kernel;
        float[] weights = new float[maxRows * teachers];
        Arrays.fill(weights, (float) weight);
        constant = engine.tensor(Shape.of(maxRows, teachers), weights);
    }

    /**
     * Of logits: Σ_k w·T²·KL(teacher k ‖ student).
     *
     * @param engine computes the term
     * @param maxRows the most rows a batch will have
     * @param classes columns of the student's logits
     * @param ranges the classes that each teacher covers
     * @param weight w of every teacher and row
     * @param temperature T, finite and above 0
     * @return the term's kernel
     * @throws IllegalArgumentException if a number is out of range
     */
    public static Distillation ofLogits(
            Engine engine, int maxRows, int classes, List<ClassRange> ranges, double weight, double temperature) {
        return new Distillation(
                engine,
                engine.multiTeacherKl(maxRows, classes, ranges, (float) temperature),
                maxRows,
                ranges.size(),
                weight);
    }

    /**
     * Of features: Σ_k w·‖f − f_k‖².
     *
     * @param engine computes the term
     * @param maxRows the most rows a batch will have
     * @param dims of the features
     * @param teachers how many there are
     * @param weight w of every teacher and row
     * @return the term's kernel
     * @throws IllegalArgumentException if a number is out of range
     */
    public static Distillation ofFeatures(Engine engine, int maxRows, int dims, int teachers, double weight) {
        return new Distillation(engine, engine.featureMse(maxRows, dims, teachers), maxRows, teachers, weight);
    }

    /**
     * The term of one batch, with the constant weight.
     *
     * @param tape records the term
     * @param student logits [rows, classes] or features [rows, dims], at most {@code maxRows} rows
     * @param outputs of each teacher: logits [rows, size of its range] or features [rows, dims]; they may be released
     *     at once
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a shape does not fit
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> outputs) {
        return tape.fused(student, kernel.of(student.value(), outputs, constant));
    }

    /**
     * The term of one batch, with weights of its own; a teacher whose weight in a row is 0 is not read there.
     *
     * @param tape records the term
     * @param student logits [rows, classes] or features [rows, dims], at most {@code maxRows} rows
     * @param outputs of each teacher: logits [rows, size of its range] or features [rows, dims]; they may be released
     *     at once
     * @param rowWeights [rows, teachers]; they may be released at once
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a shape does not fit
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> outputs, Tensor rowWeights) {
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
