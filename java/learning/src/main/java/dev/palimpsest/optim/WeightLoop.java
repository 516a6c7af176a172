package dev.palimpsest.optim;

/** A rule's loop over plain arrays, which the JIT compiler vectorises. */
abstract sealed class WeightLoop permits SgdLoop, AdamLoop {
    /**
     * Called before a parameter's blocks: works out the factors that hold for all its weights.
     *
     * @param step counts this one, from 1
     */
    abstract void prepare(double learningRate, long step);

    /** Updates {@code value} and {@code states}, one array per kind, in place for the first {@code count} entries. */
    abstract void update(float[] value, float[] gradient, float[][] states, int count);

    static WeightLoop of(UpdateRule rule) {
        return switch (rule) {
            case UpdateRule.Sgd sgd -> new SgdLoop(sgd);
            case UpdateRule.Adam adam -> new AdamLoop(adam);
        };
    }
}
