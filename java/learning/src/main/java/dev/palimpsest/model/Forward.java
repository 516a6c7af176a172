package dev.palimpsest.model;

import java.util.List;

/**
 * Computes a network's layers on values of one kind: training records on a tape ({@code V} is a variable), a pass
 * without a tape gives tensors, and a reference for tests or benchmarks may compute with values of its own.
 *
 * @param <V> kind of values
 */
public interface Forward<V> {
    /**
     * Applies a layer to a whole batch.
     *
     * @param layer what to do
     * @param inputs as many as the layer reads
     * @return what it makes of them
     */
    V layer(Layer layer, List<V> inputs);

    /**
     * Applies a head.
     *
     * @param head of the network
     * @param features [N, inputs of the head]
     * @return logits, [N, classes]
     */
    V head(Head head, V features);

    /**
     * Releases a value that is not used again.
     *
     * @param value that this pass gave
     */
    void done(V value);
}
