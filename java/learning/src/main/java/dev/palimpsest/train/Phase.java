package dev.palimpsest.train;

import dev.palimpsest.stream.Experience;

/**
 * Some epochs of training with one learning-rate schedule.
 *
 * @param name one word for the progress: {@code train}, {@code retrain}
 * @param epochs passes over the images at hand; may be 0, and a part of one, such as 0.25
 * @param learningRateFactor multiplies the settings' learning rate
 * @param before what the method does before the phase begins, such as releasing weights
 */
public record Phase(String name, double epochs, double learningRateFactor, Runnable before) {
    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence, if epochs are negative or the factor is not above 0
     */
    public Phase {
        if (!(epochs >= 0 && Double.isFinite(epochs) && learningRateFactor > 0)) {
            throw new IllegalArgumentException("phase " + name + " of " + epochs + " epochs at " + learningRateFactor
                    + " times the learning rate: expected at least 0 epochs and a factor above 0");
        }
    }

    /**
     * Optimiser steps of these epochs: what is begun of a pass is at least one step.
     *
     * @param perEpoch steps of one pass
     * @return steps, rounded to the nearest whole number
     */
    long steps(int perEpoch) {
        long steps = Math.round(epochs * perEpoch);
        return epochs > 0 && perEpoch > 0 ? Math.max(1, steps) : steps;
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
