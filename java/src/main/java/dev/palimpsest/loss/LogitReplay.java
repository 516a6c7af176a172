package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;

/** Dark experience replay at temperature 1: what a memory's items said when they were stored teaches the head. */
public final class LogitReplay {
    private LogitReplay() {}

    /**
     * Mean over rows of KL(softmax(stored) ‖ softmax(logits)), in nats.
     *
     * @param logits [B, C] of the head now
     * @param stored [B, C] row-major, of the head then
     * @param fixed columns of the student that a constant stands in for
     */
    public static Scalar term(Tape tape, Engine engine, Variable logits, float[] stored, FixedLogits fixed) {
        Matrix z = Matrix.of(engine, logits.value());
        if (stored.length != z.values().length) {
            throw new IllegalArgumentException("stored logits have " + stored.length + " values, the head's " + z.rows() + "×"
                    + z.columns());
        }
        Matrix p = z.fixed(fixed).softmax();
        Matrix q = Matrix.of(z.rows(), z.columns(), stored).softmax();
        Matrix gradient = Matrix.zeros(z.rows(), z.columns());
        double loss = 0;
        for (int i = 0; i < q.values().length; i++) {
            double target = q.values()[i];
            // A probability that underflowed adds nothing: x log x tends to 0.
            loss += target > 0 ? target * (Math.log(target) - Math.log(p.values()[i])) : 0;
            gradient.values()[i] = (p.values()[i] - target) / z.rows();
        }
        return gradient.asGradient(tape, engine, logits, loss / z.rows(), fixed);
    }
}
