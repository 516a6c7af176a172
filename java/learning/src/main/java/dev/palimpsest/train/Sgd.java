package dev.palimpsest.train;

import dev.palimpsest.tensor.Parameter;
import java.util.List;
import java.util.function.Function;

/**
 * Stochastic gradient descent as {@code torch.optim.SGD} (dampening 0): d = g + decay·w; m = momentum·m + d; w −=
 * rate·m, or with Nesterov w −= rate·(d + momentum·m).
 */
public final class Sgd extends Optimiser {
    private final float momentum;
    private final boolean nesterov;
    private final float weightDecay;
    private float rate;

    /**
     * @param trainable mask of a parameter, 0 where a weight must not move; null lets all of it move
     * @param momentum in [0, 1); 0 keeps no state
     * @throws IllegalArgumentException if a number is out of range, or Nesterov is asked for without momentum
     */
    public Sgd(
            List<Parameter> parameters,
            Function<Parameter, byte[]> trainable,
            double momentum,
            boolean nesterov,
            double weightDecay) {
        super(parameters, trainable, requireFraction("momentum", momentum) == 0 ? 0 : 1);
        if (nesterov && momentum == 0) {
            throw new IllegalArgumentException("Nesterov needs a momentum above 0: set one, or leave Nesterov out");
        }
        this.momentum = (float) momentum;
        this.nesterov = nesterov;
        this.weightDecay = (float) requireNotNegative("weight decay", weightDecay);
    }

    @Override
    void prepare(double learningRate, long steps) {
        rate = (float) learningRate;
    }

    @Override
    void update(float[] value, float[] gradient, float[][] states, int count) {
        if (states.length == 0) {
            plain(value, gradient, count);
        } else if (nesterov) {
            nesterov(value, gradient, states[0], count);
        } else {
            heavyBall(value, gradient, states[0], count);
        }
    }

    private void plain(float[] value, float[] gradient, int count) {
        for (int i = 0; i < count; i++) {
            value[i] -= rate * (gradient[i] + weightDecay * value[i]);
        }
    }

    private void heavyBall(float[] value, float[] gradient, float[] velocity, int count) {
        for (int i = 0; i < count; i++) {
            float moved = momentum * velocity[i] + (gradient[i] + weightDecay * value[i]);
            velocity[i] = moved;
            value[i] -= rate * moved;
        }
    }

    private void nesterov(float[] value, float[] gradient, float[] velocity, int count) {
        for (int i = 0; i < count; i++) {
            float direction = gradient[i] + weightDecay * value[i];
            float moved = momentum * velocity[i] + direction;
            velocity[i] = moved;
            value[i] -= rate * (direction + momentum * moved);
        }
    }
}
