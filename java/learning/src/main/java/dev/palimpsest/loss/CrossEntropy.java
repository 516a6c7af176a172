package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;

/** The classification losses. */
public final class CrossEntropy {
    private CrossEntropy() {}

    /**
     * Mean over rows of −log softmax(z[classes])[label], in nats.
     *
     * @param logits [B, C]
     * @param labels B labels, all within {@code classes}
     * @param classes the columns that take part in the softmax: all seen, or only the new ones
     * @throws IllegalArgumentException if a label lies outside the classes or the classes outside the logits
     */
    public static Scalar softmax(Tape tape, Engine engine, Variable logits, int[] labels, ClassRange classes) {
        require(logits.value().shape(), labels, classes);
        return tape.fused(logits, engine.softmaxCrossEntropy(logits.value(), labels, classes));
    }

    /**
     * Mean over rows of −log softmax(z)[label] over all columns, in nats, with constants in some of them.
     *
     * @param logits [B, C]
     * @param labels B labels below C
     */
    public static Scalar softmax(Tape tape, Engine engine, Variable logits, int[] labels, FixedLogits fixed) {
        require(logits.value().shape(), labels, new ClassRange(0, fixed.classes()));
        try (Matrices matrices = engine.matrices()) {
            Matrix constants = fixed.in(matrices);
            Matrix.Term loss = matrices.of(logits.value(), constants).softmax().logLoss(labels);
            return tape.fused(logits, new Loss(loss.value(), loss.gradient().toTensor(constants)));
        }
    }

    /**
     * Mean over rows of the sigmoid cross-entropy summed over all columns, as iCaRL's LwF-MC (Rebuffi 2017, Algorithm
     * 3): the target of an old class is the last model's sigmoid, that of a new class one or zero.
     *
     * @param logits [B, C]
     * @param labels B labels below C
     * @param last the last model's logits [B, C_old], or null where there is none; its columns are the old classes
     * @throws IllegalArgumentException if a label is not a column, or rows or columns of the two do not fit
     */
    public static Scalar sigmoid(Tape tape, Engine engine, Variable logits, int[] labels, Tensor last) {
        Shape shape = logits.value().shape();
        require(shape, labels, new ClassRange(0, shape.extent(1)));
        requireLast(shape, last);
        return tape.fused(logits, engine.sigmoidCrossEntropy(logits.value(), labels, last));
    }

    private static void requireLast(Shape logits, Tensor last) {
        if (last != null
                && (last.shape().rank() != 2
                        || last.shape().extent(0) != logits.extent(0)
                        || last.shape().extent(1) > logits.extent(1))) {
            throw new IllegalArgumentException("the last model's logits need " + logits.extent(0) + " rows and at most "
                    + logits.extent(1) + " columns to be targets for logits of " + logits + ", got " + last.shape());
        }
    }

    private static void require(Shape logits, int[] labels, ClassRange classes) {
        if (logits.rank() != 2 || logits.extent(0) != labels.length || classes.end() > logits.extent(1)) {
            throw new IllegalArgumentException(
                    "cross-entropy over classes " + classes + " of " + labels.length + " labels needs logits of "
                            + labels.length + " rows and at least " + classes.end() + " columns, got " + logits);
        }
        if (labels.length == 0) {
            throw new IllegalArgumentException("cross-entropy of an empty batch: expected at least one image");
        }
        for (int label : labels) {
            if (!classes.contains(label)) {
                throw new IllegalArgumentException(
                        "label " + label + " lies outside the classes " + classes + " of the cross-entropy");
            }
        }
    }
}
