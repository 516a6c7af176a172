package dev.palimpsest.engine;

/** An optimiser's step where the parameters are, with its state and masks: one phase of training. */
public interface Optimisation extends AutoCloseable {
    /**
     * Scales all gradients down together when their norm passes the limit, like
     * {@code dev.palimpsest.train.GradientClipping}.
     *
     * @param maxNorm the limit, above 0
     */
    void clip(double maxNorm);

    /**
     * Moves every parameter; where its mask is 0, neither a weight nor its state changes by a bit.
     *
     * @param update the rule and its numbers
     */
    void step(Update update);

    @Override
    void close();
}
