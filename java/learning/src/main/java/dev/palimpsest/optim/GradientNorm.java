package dev.palimpsest.optim;

import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Squares of gradients, summed in float64 and in an order that the sizes alone decide. */
final class GradientNorm {
    private GradientNorm() {}

    /** Of the weights that move. Four sums side by side: one alone would wait for the latency of every addition. */
    static double sumOfSquares(Parameter parameter, byte @Nullable [] mask) {
        MemorySegment gradient = parameter.readGradient();
        int size = parameter.size();
        double sum0 = 0;
        double sum1 = 0;
        double sum2 = 0;
        double sum3 = 0;
        int i = 0;
        for (; i + 4 <= size; i += 4) {
            sum0 += square(gradient, mask, i);
            sum1 += square(gradient, mask, i + 1);
            sum2 += square(gradient, mask, i + 2);
            sum3 += square(gradient, mask, i + 3);
        }
        for (; i < size; i++) {
            sum0 += square(gradient, mask, i);
        }
        return (sum0 + sum1) + (sum2 + sum3);
    }

    private static double square(MemorySegment gradient, byte @Nullable [] mask, int index) {
        int bits = gradient.getAtIndex(ValueLayout.JAVA_INT, index);
        if (mask != null) {
            bits &= (mask[index] | -mask[index]) >> 31; // branch-free: masks look random to a branch predictor
        }
        double g = Float.intBitsToFloat(bits);
        return g * g;
    }
}
