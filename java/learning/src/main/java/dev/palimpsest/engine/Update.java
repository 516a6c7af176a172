package dev.palimpsest.engine;

/**
 * The rule and the numbers of one optimiser step, as {@code dev.palimpsest.train.Sgd} and {@code Adam} define them.
 */
public sealed interface Update {
    double learningRate();

    /** Values of state that a weight needs. */
    int states();

    /** d = g + decay·w; m = momentum·m + d; w −= rate·m, or with Nesterov w −= rate·(d + momentum·m). */
    record Sgd(double learningRate, double momentum, boolean nesterov, double weightDecay) implements Update {
        @Override
        public int states() {
            return momentum == 0 ? 0 : 1;
        }
    }

    /** @param step counted from 1, for the bias correction */
    record Adam(double learningRate, long step, double beta1, double beta2, double epsilon, double weightDecay)
            implements Update {
        @Override
        public int states() {
            return 2;
        }
    }
}
