package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;

/** MLKD's relation distillation: how the rows of a batch relate to each other, and its classes, is kept as the teacher has it. */
public final class RelationDistillation {
    /**
     * With s, t the logits of student and teacher, P, Q their softmaxes, B rows, C classes: CODE, as published, ‖QPᵀ−PQᵀ‖²/B +
     * ‖QᵀP−PᵀQ‖²/C; PAPER ‖ssᵀ−ttᵀ‖²/B + ‖sᵀs−tᵀt‖²/C.
     */
    public enum Form { CODE, PAPER }

    private RelationDistillation() {}

    /**
     * @param student logits [B, C]
     * @param teacher logits [B, C] row-major
     * @param fixed columns of both that a constant stands in for
     */
    public static Scalar term(Tape tape, Engine engine, Variable student, float[] teacher, FixedLogits fixed, Form form) {
        Matrix said = Matrix.of(engine, student.value());
        if (teacher.length != said.values().length) {
            throw new IllegalArgumentException("the teacher's logits have " + teacher.length + " values, the student's " + said.rows() + "×"
                    + said.columns());
        }
        Matrix s = said.fixed(fixed);
        Matrix t = Matrix.of(said.rows(), said.columns(), teacher).fixed(fixed);
        return switch (form) {
            case CODE -> code(tape, engine, student, s, t, fixed);
            case PAPER -> paper(tape, engine, student, s, t, fixed);
        };
    }

    private static Scalar code(Tape tape, Engine engine, Variable student, Matrix s, Matrix t, FixedLogits fixed) {
        Matrix p = s.softmax();
        Matrix q = t.softmax();
        Matrix qp = q.times(p.transposed());
        Matrix rows = qp.plus(-1, qp.transposed());
        Matrix pq = q.transposed().times(p);
        Matrix classes = pq.plus(-1, pq.transposed());
        double loss = rows.sumOfSquares() / s.rows() + classes.sumOfSquares() / s.columns();
        // Both differences D are antisymmetric: the two places where P stands give the same twice.
        Matrix byProbability = Matrix.zeros(s.rows(), s.columns()).plus(-4.0 / s.rows(), rows.times(q))
                .plus(4.0 / s.columns(), q.times(classes));
        return p.softmaxGradient(byProbability).asGradient(tape, engine, student, loss, fixed);
    }

    private static Scalar paper(Tape tape, Engine engine, Variable student, Matrix s, Matrix t, FixedLogits fixed) {
        Matrix rows = s.times(s.transposed()).plus(-1, t.times(t.transposed()));
        Matrix classes = s.transposed().times(s).plus(-1, t.transposed().times(t));
        double loss = rows.sumOfSquares() / s.rows() + classes.sumOfSquares() / s.columns();
        Matrix gradient = Matrix.zeros(s.rows(), s.columns()).plus(4.0 / s.rows(), rows.times(s)).plus(4.0 / s.columns(), s.times(classes));
        return gradient.asGradient(tape, engine, student, loss, fixed);
    }
}
