package dev.palimpsest.loss;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The classification losses: a few thousand values a step, so plain loops in double precision. */
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
        Shape shape = logits.value().shape();
        require(shape, labels, classes);
        Tensor gradient = engine.allocate(shape);
        gradient.data().fill((byte) 0);
        MemorySegment z = logits.value().data();
        int rows = shape.extent(0);
        double loss = 0;
        for (int row = 0; row < rows; row++) {
            long at = (long) row * shape.extent(1);
            double max = Double.NEGATIVE_INFINITY;
            for (int c = classes.begin(); c < classes.end(); c++) {
                max = Math.max(max, z.getAtIndex(JAVA_FLOAT, at + c));
            }
            double sum = 0;
            for (int c = classes.begin(); c < classes.end(); c++) {
                sum += Math.exp(z.getAtIndex(JAVA_FLOAT, at + c) - max);
            }
            loss += Math.log(sum) + max - z.getAtIndex(JAVA_FLOAT, at + labels[row]);
            for (int c = classes.begin(); c < classes.end(); c++) {
                double probability = Math.exp(z.getAtIndex(JAVA_FLOAT, at + c) - max) / sum;
                gradient.data().setAtIndex(JAVA_FLOAT, at + c, (float) ((probability - (c == labels[row] ? 1 : 0)) / rows));
            }
        }
        return tape.fused(logits, loss / rows, gradient);
    }

    /**
     * Mean over rows of −log softmax(z)[label] over all columns, in nats, with constants in some of them.
     *
     * @param logits [B, C]
     * @param labels B labels below C
     */
    public static Scalar softmax(Tape tape, Engine engine, Variable logits, int[] labels, FixedLogits fixed) {
        require(logits.value().shape(), labels, new ClassRange(0, fixed.classes()));
        Matrix p = Matrix.of(engine, logits.value()).fixed(fixed).softmax();
        Matrix gradient = Matrix.zeros(p.rows(), p.columns()).plus(1.0 / p.rows(), p);
        double loss = 0;
        for (int row = 0; row < labels.length; row++) {
            loss -= Math.log(p.at(row, labels[row])) / p.rows();
            gradient.set(row, labels[row], (p.at(row, labels[row]) - 1) / p.rows());
        }
        return gradient.asGradient(tape, engine, logits, loss, fixed);
    }

    /**
     * Mean over rows of the sigmoid cross-entropy summed over all columns, as iCaRL's LwF-MC (Rebuffi 2017, Algorithm 3): the target of an
     * old class is the last model's sigmoid, that of a new class one or zero.
     *
     * @param logits [B, C]
     * @param labels B labels below C
     * @param last the last model's logits [B, C_old], or null where there is none; its columns are the old classes
     * @throws IllegalArgumentException if a label is not a column, or rows or columns of the two do not fit
     */
    public static Scalar sigmoid(Tape tape, Engine engine, Variable logits, int[] labels, Tensor last) {
        Shape shape = logits.value().shape();
        int classes = shape.extent(1);
        require(shape, labels, new ClassRange(0, classes));
        requireLast(shape, last);
        int old = last == null ? 0 : last.shape().extent(1);
        Tensor gradient = engine.allocate(shape);
        MemorySegment z = logits.value().data();
        int rows = shape.extent(0);
        double loss = 0;
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < classes; c++) {
                double target = c < old ? sigmoid(last.data().getAtIndex(JAVA_FLOAT, (long) row * old + c)) : c == labels[row] ? 1 : 0;
                long at = (long) row * classes + c;
                double logit = z.getAtIndex(JAVA_FLOAT, at);
                // log(1 + e^z) without overflow.
                loss += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - target * logit;
                gradient.data().setAtIndex(JAVA_FLOAT, at, (float) ((sigmoid(logit) - target) / rows));
            }
        }
        return tape.fused(logits, loss / rows, gradient);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static void requireLast(Shape logits, Tensor last) {
        if (last != null && (last.shape().rank() != 2 || last.shape().extent(0) != logits.extent(0)
                || last.shape().extent(1) > logits.extent(1))) {
            throw new IllegalArgumentException("the last model's logits need " + logits.extent(0) + " rows and at most " + logits.extent(1)
                    + " columns to be targets for logits of " + logits + ", got " + last.shape());
        }
    }

    private static void require(Shape logits, int[] labels, ClassRange classes) {
        if (logits.rank() != 2 || logits.extent(0) != labels.length || classes.end() > logits.extent(1)) {
            throw new IllegalArgumentException("cross-entropy over classes " + classes + " of " + labels.length + " labels needs logits of "
                    + labels.length + " rows and at least " + classes.end() + " columns, got " + logits);
        }
        if (labels.length == 0) {
            throw new IllegalArgumentException("cross-entropy of an empty batch: expected at least one image");
        }
        for (int label : labels) {
            if (!classes.contains(label)) {
                throw new IllegalArgumentException("label " + label + " lies outside the classes " + classes + " of the cross-entropy");
            }
        }
    }
}
