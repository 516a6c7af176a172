package dev.palimpsest.model;

import dev.palimpsest.engine.MaxPooling;

/**
 * What a network's forward pass asks for, so that it is written once: training records on a tape ({@code V} is a
 * variable), a frozen teacher computes with folded weights ({@code V} is a tensor).
 */
public interface Forward<V> {
    /**
     * norm(convolution(input)) + residual, then ReLU, each of the last two as asked. {@code residual} may be null; it
     * is not used again.
     */
    V unit(ConvNorm unit, V input, V residual, boolean relu);

    /** The maximum of every window. The images are not used again. */
    V maxPool(V images, MaxPooling geometry);

    /** [N, C, H, W] to [N, C]. */
    V averagePool(V images);

    V linear(Linear layer, V input);

    /** Says that an image-shaped value is not used again. */
    void done(V value);
}
