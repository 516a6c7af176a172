package dev.palimpsest.internal;

import java.util.List;

/**
 * What the learning rate is multiplied by at a step: a function of how far training is and of nothing else, so a
 * resumed run needs no state.
 */
public sealed interface Schedule {
    /**
     * The factor for the step that is about to be made.
     *
     * @param step steps made so far in this experience, 0 ≤ step ≤ totalSteps
     * @param totalSteps steps of the whole experience, at least 1
     * @return factor on the learning rate
     */
    default double factor(long step, long totalSteps) {
        if (totalSteps < 1 || step < 0 || step > totalSteps) {
            throw new IllegalArgumentException(
                    "step " + step + " of " + totalSteps + ": expected 0 ≤ step ≤ total and a total of at least 1");
        }
        return at(step, totalSteps);
    }

    /**
     * The factor at a step, as {@link #factor} but without its check.
     *
     * @param step steps made so far in this experience
     * @param totalSteps steps of the whole experience
     * @return factor on the learning rate
     */
    double at(long step, long totalSteps);

    /** Always 1. */
    record Constant() implements Schedule {
        @Override
        public double at(long step, long totalSteps) {
            return 1;
        }
    }

    /**
     * Multiplied by {@code decay} at each milestone. Milestones are ascending fractions of the training, rounded to
     * the nearest step, so that one schedule serves experiences of any length: iCaRL's ÷5 at epochs 49 and 63 of 70 is
     * {@code new Step(List.of(0.7, 0.9), 0.2)}.
     *
     * @param milestones ascending fractions of the training
     * @param decay factor in (0, 1]
     */
    record Step(List<Double> milestones, double decay) implements Schedule {
        /**
         * Checks the numbers.
         *
         * @throws IllegalArgumentException if milestones are not ascending between 0 and 1, or the decay is out of
         *     range
         */
        public Step {
            milestones = List.copyOf(milestones);
            double previous = 0;
            for (double milestone : milestones) {
                if (!(milestone > previous && milestone < 1)) {
                    throw new IllegalArgumentException(
                            "milestones " + milestones + ": expected ascending fractions between 0 and 1");
                }
                previous = milestone;
            }
            if (!(decay > 0 && decay <= 1)) {
                throw new IllegalArgumentException("decay " + decay + ": expected a factor in (0, 1]");
            }
        }

        @Override
        public double at(long step, long totalSteps) {
            double factor = 1;
            for (double milestone : milestones) {
                if (step >= Math.round(milestone * totalSteps)) {
                    factor *= decay;
                }
            }
            return factor;
        }
    }

    /** Half a cosine from 1 at the first step to 0 after the last (Loshchilov and Hutter 2017, without restarts). */
    record Cosine() implements Schedule {
        @Override
        public double at(long step, long totalSteps) {
            return 0.5 * (1 + Math.cos(Math.PI * step / totalSteps));
        }
    }
}
