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

/** Dark experience replay at temperature 1: the logits stored with a memory's items teach the head. */
final class LogitReplay {
    private LogitReplay() {}

    /**
     * Mean over rows of KL(softmax(stored) ‖ softmax(logits)), in nats.
     *
     * @param tape records the term
     * @param engine computes it
     * @param logits [B, C] of the head now
     * @param stored [B, C] row-major, of the head when the items were stored
     * @param fixed columns of the student that a constant stands in for
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if there are not as many stored logits as logits
     */
    public static Scalar term(Tape tape, Engine engine, Variable logits, float[] stored, FixedLogits fixed) {
        Shape shape = logits.value().shape();
        if (stored.length != shape.elements()) {
            throw new IllegalArgumentException("stored logits have " + stored.length + " values, the head's " + shape);
        }
        Tensor then = engine.tensor(shape, stored);
        try (Matrices matrices = engine.matrices()) {
            Matrix constants = fixed.in(matrices);
            Matrix p = matrices.of(logits.value(), constants).softmax();
            Matrix q = matrices.of(then).softmax();
            return tape.fused(
                    logits,
                    new Loss(q.divergence(p), p.plus(-1, q).over(p.rows()).toTensor(constants)));
        } finally {
            engine.release(then);
        }
    }
}
