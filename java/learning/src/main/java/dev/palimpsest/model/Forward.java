package dev.palimpsest.model;

import java.util.List;

/**
 * Computes what a network's layers say, on values of one kind: training records on a tape ({@code V} is a variable), a
 * pass without a tape gives tensors, and a reference for tests or benchmarks may compute with values of its own.
 */
public interface Forward<V> {
    /** @return what the layer makes of these values, for a whole batch */
    V layer(Layer layer, List<V> inputs);

    /** @return the logits that a head gives for features, [N, classes] */
    V head(Head head, V features);

    /** Says that a value is not used again. */
    void done(V value);
}
