package dev.palimpsest.train;

import dev.palimpsest.stream.Experience;

/**
 * Some epochs of training with one learning-rate schedule.
 *
 * @param name one word for the progress: {@code train}, {@code retrain}
 * @param epochs passes over the images at hand; may be 0
 * @param learningRateFactor multiplies the settings' learning rate
 * @param before what the method does before the phase begins, such as releasing weights
 */
public record Phase(String name, int epochs, double learningRateFactor, Runnable before) {
    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence, if epochs are negative or the factor is not above 0
     */
    public Phase {
        if (epochs < 0 || !(learningRateFactor > 0)) {
            throw new IllegalArgumentException("phase " + name + " of " + epochs + " epochs at " + learningRateFactor
                    + " times the learning rate: expected at least 0 epochs and a factor above 0");
        }
    }

    /**
     * Training as the settings have it.
     *
     * @param learner that trains
     * @param experience that is learnt
     * @return the phase {@code train}
     */
    public static Phase train(Learner learner, Experience experience) {
        return new Phase("train", learner.settings().training().epochs(experience.index()), 1, () -> {});
    }
}
