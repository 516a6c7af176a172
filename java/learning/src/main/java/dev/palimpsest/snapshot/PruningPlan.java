package dev.palimpsest.snapshot;

import dev.palimpsest.tensor.Parameter;
import java.util.StringJoiner;

/**
 * Which fraction of a step's weights is released after it, so that later steps find free ones. Steps count from 1; the
 * last one keeps all. methods.md, "Mask-based pruning"; PackNet (Mallya and Lazebnik 2018) uses a fixed fraction.
 */
public sealed interface PruningPlan {
    /**
     * Steps planned for.
     *
     * @return 1 to 255
     */
    int steps();

    /**
     * Fraction of the weights owned by a step that is released after it.
     *
     * @param step from 1
     * @return in [0, 1); 0 for the last step
     * @throws IllegalArgumentException if the step is not planned
     */
    default double fraction(int step) {
        if (step < 1 || step > steps()) {
            throw new IllegalArgumentException("step " + step + " is not planned: expected 1 to " + steps());
        }
        return step == steps() ? 0 : beforeLast(step);
    }

    /**
     * {@link #fraction} of a step that is not the last, without its check.
     *
     * @param step from 1
     * @return in [0, 1)
     */
    double beforeLast(int step);

    /**
     * Every step ends up with the same number of weights, to within rounding in each tensor; the last one with more, if
     * a share is reserved for it. A step trains its own weights and all that later ones will own, so with equal shares
     * the last step has the fewest to learn with.
     *
     * @param steps N, 1 to 255
     * @param reserved share of all weights that the last step has at least, in [0, 1); up to 1/N changes nothing
     */
    record EqualShares(int steps, double reserved) implements PruningPlan {
        /**
         * Checks the numbers.
         *
         * @throws IllegalArgumentException if one is out of range
         */
        public EqualShares {
            requireSteps(steps);
            if (!(reserved >= 0 && reserved < 1)) {
                throw new IllegalArgumentException("reserved share " + reserved + ": expected a number in [0, 1)");
            }
        }

        @Override
        public double beforeLast(int step) {
            // In equal shares: this step holds all that is left, and keeps one.
            double last = Math.max(1, reserved * (steps - 1) / (1 - reserved));
            return (steps - step - 1 + last) / (steps - step + last);
        }
    }

    /**
     * The same fraction after every step but the last: step s ends up with (1 − fraction)·fraction^(s−1) of the
     * weights.
     *
     * @param fraction in [0, 1)
     * @param steps N, 1 to 255
     */
    record Fixed(double fraction, int steps) implements PruningPlan {
        /**
         * Checks the numbers.
         *
         * @throws IllegalArgumentException if one is out of range
         */
        public Fixed {
            requireSteps(steps);
            if (!(fraction >= 0 && fraction < 1)) {
                throw new IllegalArgumentException("pruning fraction " + fraction + ": expected a number in [0, 1)");
            }
        }

        @Override
        public double beforeLast(int step) {
            return fraction;
        }
    }

    /**
     * The same fraction of every step without end, where it is not known how many will come: each later step owns
     * less. Training ends with an error when no weight is left.
     *
     * @param fraction in (0, 1)
     */
    record OpenEnded(double fraction) implements PruningPlan {
        /**
         * Checks the fraction.
         *
         * @throws IllegalArgumentException if it is out of range
         */
        public OpenEnded {
            if (!(fraction > 0 && fraction < 1)) {
                throw new IllegalArgumentException("pruning fraction " + fraction + ": expected a number in (0, 1)");
            }
        }

        @Override
        public int steps() {
            return Owners.MOST_STEPS;
        }

        @Override
        public double fraction(int step) {
            return fraction;
        }

        @Override
        public double beforeLast(int step) {
            return fraction;
        }

        /** How far the weights go shows when steps come. */
        @Override
        public void requireEnoughWeights(Owners owners) {
            // A step that finds no free weight is refused by the owners.
        }
    }

    /**
     * Plays the plan through for every tensor that has owners.
     *
     * @param owners of the model's weights
     * @throws IllegalArgumentException if a step would find no free weight in one of them, or the first step would
     *     keep none of it; the message has the numbers
     */
    default void requireEnoughWeights(Owners owners) {
        owners.weights().forEach(this::requireEnoughWeights);
    }

    private void requireEnoughWeights(Parameter parameter) {
        StringJoiner counts = new StringJoiner(", ");
        int free = parameter.size();
        for (int step = 1; step <= steps(); step++) {
            counts.add(Integer.toString(free));
            int released = Owners.released(free, fraction(step));
            if (free == 0 || (step == 1 && released == free)) {
                throw new IllegalArgumentException("pruning " + this + " does not fit " + parameter.name()
                        + ": free weights before each step " + counts
                        + (free == 0 ? "" : ", and the first step keeps none of them")
                        + "; plan equal shares, reserve less for the last step, change the fraction, or train fewer"
                        + " experiences or a wider network");
            }
            free = released;
        }
    }

    private static void requireSteps(int steps) {
        if (steps < 1 || steps > Owners.MOST_STEPS) {
            throw new IllegalArgumentException("pruning for " + steps + " steps: expected 1 to " + Owners.MOST_STEPS);
        }
    }
}
