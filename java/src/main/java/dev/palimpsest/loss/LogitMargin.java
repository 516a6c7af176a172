package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;

/**
 * X-DER's constraints (Boschini 2022) as MLKD has them: an image's highest score among the classes of its experience must pass that among
 * earlier or later ones by a margin. Mean over the rows where it does not; 0 if there are none.
 */
public final class LogitMargin {
    private static final double MARGIN = 0.1;

    private LogitMargin() {}

    /**
     * h_past: max softmax(z[previous]) + 0.1 − max softmax(z[current]), each softmax over its own classes. The previous classes' side is a
     * constant: only the current ones move.
     *
     * @param logits [B, C]
     */
    public static Scalar past(Tape tape, Engine engine, Variable logits, int[] previous, int[] current) {
        return term(tape, engine, logits, previous, current, true);
    }

    /** h_future: max z[unseen] + 0.1 − max z[current], on raw logits; both sides move. */
    public static Scalar future(Tape tape, Engine engine, Variable logits, int[] unseen, int[] current) {
        return term(tape, engine, logits, unseen, current, false);
    }

    private static Scalar term(Tape tape, Engine engine, Variable logits, int[] others, int[] current, boolean past) {
        Matrix z = Matrix.of(engine, logits.value());
        Matrix gradient = Matrix.zeros(z.rows(), z.columns());
        Matrix other = columns(z, others);
        Matrix good = columns(z, current);
        if (past) {
            other = other.softmax();
            good = good.softmax();
        }
        double sum = 0;
        int count = 0;
        for (int row = 0; row < z.rows(); row++) {
            int bad = best(other, row);
            int best = best(good, row);
            double missing = other.at(row, bad) + MARGIN - good.at(row, best);
            if (missing > 0) {
                sum += missing;
                count++;
                for (int c = 0; c < current.length; c++) {
                    gradient.set(row, current[c], past
                            ? -good.at(row, best) * ((c == best ? 1 : 0) - good.at(row, c))
                            : c == best ? -1 : 0);
                }
                if (!past) {
                    gradient.set(row, others[bad], 1);
                }
            }
        }
        int rows = Math.max(1, count);
        return Matrix.zeros(z.rows(), z.columns()).plus(1.0 / rows, gradient).asGradient(tape, engine, logits, sum / rows);
    }

    private static Matrix columns(Matrix z, int[] columns) {
        Matrix chosen = Matrix.zeros(z.rows(), columns.length);
        for (int row = 0; row < z.rows(); row++) {
            for (int c = 0; c < columns.length; c++) {
                chosen.set(row, c, z.at(row, columns[c]));
            }
        }
        return chosen;
    }

    private static int best(Matrix of, int row) {
        int best = 0;
        for (int c = 1; c < of.columns(); c++) {
            best = of.at(row, c) > of.at(row, best) ? c : best;
        }
        return best;
    }
}
