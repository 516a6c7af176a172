package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/**
 * The kernel {@link FeatureMse} as a term of a loss: Σ_k w·‖f − f_k‖². The weight w is the same for every teacher and
 * row, unless a call brings its own: a one-hot row chooses one teacher for its sample.
 */
public final class FeatureDistillation implements AutoCloseable {
    private final TeacherWeights kernel;

    /**
     * A kernel with scratch memory, which {@link #close} frees.
     *
     * @param engine computes the term
     * @param maxRows the most rows a batch will have
     * @param dims of the features
     * @param teachers how many there are
     * @param weight w of every teacher and row
     * @throws IllegalArgumentException if a number is out of range
     */
    public FeatureDistillation(Engine engine, int maxRows, int dims, int teachers, double weight) {
        kernel = new TeacherWeights(engine, engine.featureMse(maxRows, dims, teachers), maxRows, teachers, weight);
    }

    /**
     * The term of one batch, with the constant weight.
     *
     * @param tape records the term
     * @param student features [rows, dims], at most {@code maxRows} rows
     * @param features of each teacher, [rows, dims]; they may be released at once
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a shape does not fit
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> features) {
        return kernel.term(tape, student, features);
    }

    /**
     * The term of one batch, with weights of its own; a teacher whose weight in a row is 0 is not read there.
     *
     * @param tape records the term
     * @param student features [rows, dims], at most {@code maxRows} rows
     * @param features of each teacher, [rows, dims]; they may be released at once
     * @param rowWeights [rows, teachers]; they may be released at once
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if a shape does not fit
     */
    public Scalar term(Tape tape, Variable student, List<Tensor> features, Tensor rowWeights) {
        return kernel.term(tape, student, features, rowWeights);
    }

    @Override
    public void close() {
        kernel.close();
    }
}
