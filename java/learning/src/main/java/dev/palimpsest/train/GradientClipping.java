package dev.palimpsest.train;

import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Function;

/**
 * Scales all gradients down together when their Euclidean norm passes a limit, as
 * {@code torch.nn.utils.clip_grad_norm_}.
 */
public record GradientClipping(double maxNorm) {
    public GradientClipping {
        if (!(maxNorm > 0)) {
            throw new IllegalArgumentException("clipping norm " + maxNorm + ": expected a number above 0");
        }
    }

    /**
     * Clips the gradients and returns their norm before that. Sums squares in double and in the order of the
     * parameters, so the same gradients give the same norm. Gradients of weights that a mask keeps from moving count
     * as zero.
     *
     * @param trainable the optimiser's mask source
     * @throws ArithmeticException if a gradient that counts is NaN or infinite; names its parameter and leaves all
     *     gradients as they are
     */
    public double apply(List<Parameter> parameters, Function<Parameter, byte[]> trainable) {
        double sum = 0;
        for (int p = 0; p < parameters.size(); p++) {
            Parameter parameter = parameters.get(p);
            double squares = sumOfSquares(parameter, trainable.apply(parameter));
            if (!Double.isFinite(squares)) {
                throw new ArithmeticException("the gradient of " + parameter.name() + " has norm " + Math.sqrt(squares)
                        + ", so it cannot be clipped: lower the learning rate, or look at the loss of this step");
            }
            sum += squares;
        }
        double norm = Math.sqrt(sum);
        // PyTorch's 1e-6 keeps its results; it also keeps a norm of exactly the limit from being rounded above it.
        double factor = maxNorm / (norm + 1e-6);
        if (factor < 1) {
            for (int p = 0; p < parameters.size(); p++) {
                scale(parameters.get(p), (float) factor);
            }
        }
        return norm;
    }

    /** Four sums side by side: one alone would wait for the latency of every addition. */
    private static double sumOfSquares(Parameter parameter, byte[] mask) {
        MemorySegment gradient = parameter.gradient();
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

    private static double square(MemorySegment gradient, byte[] mask, int index) {
        int bits = gradient.getAtIndex(ValueLayout.JAVA_INT, index);
        if (mask != null) {
            bits &= (mask[index] | -mask[index]) >> 31; // branch-free: masks look random to a branch predictor
        }
        double g = Float.intBitsToFloat(bits);
        return g * g;
    }

    private static void scale(Parameter parameter, float factor) {
        MemorySegment gradient = parameter.gradient();
        for (int i = 0; i < parameter.size(); i++) {
            gradient.setAtIndex(ValueLayout.JAVA_FLOAT, i, gradient.getAtIndex(ValueLayout.JAVA_FLOAT, i) * factor);
        }
    }
}
