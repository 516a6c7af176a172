package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;

/**
 * X-DER's constraints (Boschini 2022) as MLKD has them: an image's highest score among the classes of its experience
 * must pass that among earlier or later ones by a margin. Mean over the rows where it does not; 0 if there are none.
 */
final class LogitMargin {
    private static final double MARGIN = 0.1;

    private LogitMargin() {}

    /**
     * h_past: max softmax(z[previous]) + 0.1 − max softmax(z[current]), each softmax over its own classes. The
     * previous classes' side is a constant: only the current ones move.
     *
     * @param tape records the term
     * @param engine computes it
     * @param logits [B, C]
     * @param previous classes of earlier experiences, at least one
     * @param current classes of the rows' experience, at least one
     * @return the term, one number on the tape
     */
    public static Scalar past(Tape tape, Engine engine, Variable logits, int[] previous, int[] current) {
        return term(tape, engine, logits, previous, current, true);
    }

    /**
     * h_future: max z[unseen] + 0.1 − max z[current], on raw logits; both sides move.
     *
     * @param tape records the term
     * @param engine computes it
     * @param logits [B, C]
     * @param unseen classes of later experiences, at least one
     * @param current classes of the rows' experience, at least one
     * @return the term, one number on the tape
     */
    public static Scalar future(Tape tape, Engine engine, Variable logits, int[] unseen, int[] current) {
        return term(tape, engine, logits, unseen, current, false);
    }

    private static Scalar term(Tape tape, Engine engine, Variable logits, int[] others, int[] current, boolean past) {
        try (Matrices matrices = engine.matrices()) {
            Matrix.Term margin = matrices.of(logits.value()).margin(others, current, MARGIN, past);
            return tape.fused(logits, new Loss(margin.value(), margin.gradient().toTensor()));
        }
    }
}
