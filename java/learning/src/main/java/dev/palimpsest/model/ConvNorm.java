package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;

/**
 * A convolution without bias and the batch norm behind it: the unit that a frozen teacher folds into one convolution.
 */
public record ConvNorm(Parameter weight, Convolution geometry, BatchNorm norm) {
    /**
     * Gives every channel without a weight other than zero the statistics of a new one, mean 0 and variance 1. Its
     * output, the norm's shift, stays the same; but with a variance of nearly 0 left behind, weights that it gets
     * later would be amplified by 1/√ε ≈ 316.
     */
    public void renewEmptyChannels() {
        MemorySegment weights = weight.read();
        long each = weight.size() / geometry.outputs();
        for (int o = 0; o < geometry.outputs(); o++) {
            boolean empty = true;
            for (long i = o * each; empty && i < (o + 1) * each; i++) {
                empty = weights.getAtIndex(JAVA_FLOAT, i) == 0;
            }
            if (empty) {
                norm.runningMean().update().setAtIndex(JAVA_FLOAT, o, 0);
                norm.runningVariance().update().setAtIndex(JAVA_FLOAT, o, 1);
            }
        }
    }
}
