package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.Loss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The classification losses: a few thousand values per step, so plain loops in double precision. */
final class CpuClassification {
    private CpuClassification() {}

    static Loss softmax(OneDnnContext engine, Tensor logits, int[] labels, ClassRange classes) {
        Shape shape = logits.shape();
        Tensor gradient = engine.allocate(shape);
        gradient.data().fill((byte) 0);
        MemorySegment z = logits.data();
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
                gradient.data().setAtIndex(JAVA_FLOAT, at + c, (float)
                        ((probability - (c == labels[row] ? 1 : 0)) / rows));
            }
        }
        return Loss.of(loss / rows, gradient);
    }

    static Loss sigmoid(OneDnnContext engine, Tensor logits, int[] labels, @Nullable Tensor last) {
        Shape shape = logits.shape();
        int classes = shape.extent(1);
        int old = last == null ? 0 : last.shape().extent(1);
        Tensor gradient = engine.allocate(shape);
        MemorySegment z = logits.data();
        int rows = shape.extent(0);
        double loss = 0;
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < classes; c++) {
                double target = last != null && c < old
                        ? sigmoid(last.data().getAtIndex(JAVA_FLOAT, (long) row * old + c))
                        : c == labels[row] ? 1 : 0;
                long at = (long) row * classes + c;
                double logit = z.getAtIndex(JAVA_FLOAT, at);
                // log(1 + e^z) without overflow.
                loss += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - target * logit;
                gradient.data().setAtIndex(JAVA_FLOAT, at, (float) ((sigmoid(logit) - target) / rows));
            }
        }
        return Loss.of(loss / rows, gradient);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }
}
