package dev.palimpsest.train;

import dev.palimpsest.tensor.Parameter;
import java.util.List;
import java.util.function.Function;

/**
 * Adam (Kingma and Ba 2015) as {@code torch.optim.Adam}, weight decay added to the gradient: g += decay·w; m += (1 −
 * β₁)(g − m); v = β₂v + (1 − β₂)g²; w −= rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε). As there, t counts a
 * parameter's steps and not a weight's: rows added later and weights that start again from zero get the bias
 * correction of their parameter.
 */
public final class Adam extends Optimiser {
    private final double beta1;
    private final double beta2;
    private final float epsilon;
    private final float weightDecay;
    private float stepSize;
    private float rootCorrection;

    /** β₁ 0.9, β₂ 0.999, ε 1e-8, no weight decay. */
    public Adam(List<Parameter> parameters, Function<Parameter, byte[]> trainable) {
        this(parameters, trainable, 0.9, 0.999, 1e-8, 0);
    }

    /**
     * @param trainable mask of a parameter, 0 where a weight must not move; null lets all of it move
     * @throws IllegalArgumentException if a beta is not in [0, 1), or epsilon or the weight decay is negative
     */
    public Adam(
            List<Parameter> parameters,
            Function<Parameter, byte[]> trainable,
            double beta1,
            double beta2,
            double epsilon,
            double weightDecay) {
        super(parameters, trainable, 2);
        this.beta1 = requireFraction("beta1", beta1);
        this.beta2 = requireFraction("beta2", beta2);
        this.epsilon = (float) requireNotNegative("epsilon", epsilon);
        this.weightDecay = (float) requireNotNegative("weight decay", weightDecay);
    }

    @Override
    void prepare(double learningRate, long steps) {
        stepSize = (float) (learningRate / (1 - Math.pow(beta1, steps)));
        rootCorrection = (float) Math.sqrt(1 - Math.pow(beta2, steps));
    }

    @Override
    void update(float[] value, float[] gradient, float[][] states, int count) {
        update(value, gradient, states[0], states[1], count);
    }

    private void update(float[] value, float[] gradient, float[] mean, float[] square, int count) {
        float beta2 = (float) this.beta2;
        float fresh1 = (float) (1 - beta1);
        float fresh2 = (float) (1 - this.beta2);
        for (int i = 0; i < count; i++) {
            float g = gradient[i] + weightDecay * value[i];
            float m = mean[i] + fresh1 * (g - mean[i]);
            float v = beta2 * square[i] + fresh2 * (g * g);
            mean[i] = m;
            square[i] = v;
            value[i] -= stepSize * (m / ((float) Math.sqrt(v) / rootCorrection + epsilon));
        }
    }
}
