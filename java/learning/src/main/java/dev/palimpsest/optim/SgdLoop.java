package dev.palimpsest.optim;

/** {@link UpdateRule.Sgd} on the host. */
final class SgdLoop extends WeightLoop {
    private final float momentum;
    private final boolean nesterov;
    private final float weightDecay;
    private float rate;

    SgdLoop(UpdateRule.Sgd rule) {
        momentum = (float) rule.momentum();
        nesterov = rule.nesterov();
        weightDecay = (float) rule.weightDecay();
    }

    @Override
    void prepare(double learningRate, long step) {
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
