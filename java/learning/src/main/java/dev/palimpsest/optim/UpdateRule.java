package dev.palimpsest.optim;

/** The rule by which an optimiser moves a weight w along its gradient g, with PyTorch's semantics, and its numbers. */
public sealed interface UpdateRule {
    /**
     * How much state the rule keeps.
     *
     * @return the number of float32 values for each weight, 0 to 2; all start at zero
     */
    int states();

    /**
     * Stochastic gradient descent as {@code torch.optim.SGD} with dampening 0: d = g + decay·w; m = momentum·m + d; w
     * −= rate·m, or with Nesterov w −= rate·(d + momentum·m).
     *
     * @param momentum in [0, 1); 0 keeps no state
     * @param nesterov needs a momentum above 0
     * @param weightDecay at least 0
     */
    record Sgd(double momentum, boolean nesterov, double weightDecay) implements UpdateRule {
        /**
         * Checks the numbers.
         *
         * @throws IllegalArgumentException if a number is out of range, or Nesterov is asked for without momentum
         */
        public Sgd {
            requireFraction("momentum", momentum);
            requireNotNegative("weight decay", weightDecay);
            if (nesterov && momentum == 0) {
                throw new IllegalArgumentException("Nesterov needs a momentum above 0: set one, or leave Nesterov out");
            }
        }

        @Override
        public int states() {
            return momentum == 0 ? 0 : 1;
        }
    }

    /**
     * Adam (Kingma and Ba 2015) as {@code torch.optim.Adam}, weight decay added to the gradient: g += decay·w; m += (1
     * − β₁)(g − m); v = β₂v + (1 − β₂)g²; w −= rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε). As there, t counts a
     * parameter's steps and not a weight's: rows added later and weights that start again from zero get the bias
     * correction of their parameter.
     *
     * @param beta1 β₁ in [0, 1)
     * @param beta2 β₂ in [0, 1)
     * @param epsilon ε, at least 0
     * @param weightDecay at least 0
     */
    record Adam(double beta1, double beta2, double epsilon, double weightDecay) implements UpdateRule {
        /**
         * Checks the numbers.
         *
         * @throws IllegalArgumentException if a number is out of range
         */
        public Adam {
            requireFraction("beta1", beta1);
            requireFraction("beta2", beta2);
            requireNotNegative("epsilon", epsilon);
            requireNotNegative("weight decay", weightDecay);
        }

        /**
         * PyTorch's defaults: β₁ 0.9, β₂ 0.999, ε 1e-8.
         *
         * @param weightDecay at least 0
         * @throws IllegalArgumentException if the weight decay is negative or not finite
         */
        public Adam(double weightDecay) {
            this(0.9, 0.999, 1e-8, weightDecay);
        }

        @Override
        public int states() {
            return 2;
        }

        /**
         * The factor of a step's update, in float32 as every backend applies it.
         *
         * @param learningRate of the step
         * @param step the parameter's step, counted from 1
         * @return rate / (1 − β₁ᵗ)
         */
        public float stepSize(double learningRate, long step) {
            return (float) (learningRate / (1 - Math.pow(beta1, (double) step)));
        }

        /**
         * The root of the second moment's bias correction.
         *
         * @param step the parameter's step, counted from 1
         * @return √(1 − β₂ᵗ)
         */
        public float rootCorrection(long step) {
            return (float) Math.sqrt(1 - Math.pow(beta2, (double) step));
        }
    }

    private static void requireFraction(String what, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException(what + " " + value + ": expected a number in [0, 1)");
        }
    }

    private static void requireNotNegative(String what, double value) {
        if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(what + " " + value + ": expected a finite number of at least 0");
        }
    }
}
