package dev.palimpsest.optim;

/** {@link UpdateRule.Adam} on the host. */
final class AdamLoop extends WeightLoop {
    private final UpdateRule.Adam rule;
    private final float epsilon;
    private final float weightDecay;
    private float stepSize;
    private float rootCorrection;

    AdamLoop(UpdateRule.Adam rule) {
        this.rule = rule;
        epsilon = (float) rule.epsilon();
        weightDecay = (float) rule.weightDecay();
    }

    @Override
    void prepare(double learningRate, long step) {
        stepSize = rule.stepSize(learningRate, step);
        rootCorrection = rule.rootCorrection(step);
    }

    @Override
    void update(float[] value, float[] gradient, float[][] states, int count) {
        update(value, gradient, states[0], states[1], count);
    }

    private void update(float[] value, float[] gradient, float[] mean, float[] square, int count) {
        float beta2 = (float) rule.beta2();
        float fresh1 = (float) (1 - rule.beta1());
        float fresh2 = (float) (1 - rule.beta2());
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
