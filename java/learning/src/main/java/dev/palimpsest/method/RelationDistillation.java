package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.function.DoubleSupplier;

/**
 * MLKD's relation distillation: how the rows of a batch relate to each other, and its classes, is kept as the teacher
 * has it.
 */
final class RelationDistillation {
    /** What is compared. With s, t the logits of student and teacher, P, Q their softmaxes, B rows, C classes. */
    public enum Form {
        /** ‖QPᵀ−PQᵀ‖²/B + ‖QᵀP−PᵀQ‖²/C, as in the published code. */
        CODE,
        /** ‖ssᵀ−ttᵀ‖²/B + ‖sᵀs−tᵀt‖²/C, as in the paper. */
        PAPER
    }

    private RelationDistillation() {}

    /**
     * The squared difference of the relations of student and teacher, in the given form.
     *
     * @param tape records the term
     * @param engine computes it
     * @param student logits [B, C]
     * @param teacher logits [B, C]; they may be released at once
     * @param fixed columns of both that a constant stands in for
     * @param form what is compared
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if the logits differ in shape
     */
    public static Scalar term(
            Tape tape, Engine engine, Variable student, Tensor teacher, FixedLogits fixed, Form form) {
        Shape shape = student.value().shape();
        if (!teacher.shape().equals(shape)) {
            throw new IllegalArgumentException(
                    "the teacher's logits are " + teacher.shape() + ", the student's " + shape);
        }
        try (Matrices matrices = engine.matrices()) {
            Matrix constants = fixed.in(matrices);
            Matrix s = matrices.of(student.value(), constants);
            Matrix t = matrices.of(teacher, constants);
            Matrix.Term term = form == Form.CODE ? code(s, t) : paper(s, t);
            return tape.fused(student, new Loss(term.value(), term.gradient().toTensor(constants)));
        }
    }

    private static Matrix.Term code(Matrix s, Matrix t) {
        Matrix p = s.softmax();
        Matrix q = t.softmax();
        Matrix qp = q.times(p.transposed());
        Matrix rows = qp.plus(-1, qp.transposed());
        Matrix pq = q.transposed().times(p);
        Matrix classes = pq.plus(-1, pq.transposed());
        // Both differences D are antisymmetric: the two places where P stands give the same twice.
        Matrix byProbability = rows.times(q).scaled(-4.0 / s.rows()).plus(4.0 / s.columns(), q.times(classes));
        return new Matrix.Term(squares(rows, classes), p.softmaxGradient(byProbability));
    }

    private static Matrix.Term paper(Matrix s, Matrix t) {
        Matrix rows = s.times(s.transposed()).plus(-1, t.times(t.transposed()));
        Matrix classes = s.transposed().times(s).plus(-1, t.transposed().times(t));
        return new Matrix.Term(
                squares(rows, classes), rows.times(s).scaled(4.0 / s.rows()).plus(4.0 / s.columns(), s.times(classes)));
    }

    /** ‖rows‖²/B + ‖classes‖²/C */
    private static DoubleSupplier squares(Matrix rows, Matrix classes) {
        DoubleSupplier ofRows = rows.dot(rows);
        DoubleSupplier ofClasses = classes.dot(classes);
        return () -> ofRows.getAsDouble() / rows.rows() + ofClasses.getAsDouble() / classes.rows();
    }
}
