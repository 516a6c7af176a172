package dev.palimpsest.engine;

import dev.palimpsest.tensor.Parameter;

/**
 * The operations of an engine, so that a test writes its graph once and plays it on a tape and in plain double loops.
 */
public interface Layers<V> {
    V convolution(V images, Parameter weight, Convolution geometry);

    V batchNorm(V images, BatchNorm norm, boolean relu, boolean frozen);

    V addRelu(V a, V b);

    V add(V a, V b);

    V relu(V x);

    V flatten(V images);

    V averagePool(V images);

    V maxPool(V images, MaxPooling geometry);

    V linear(V input, Parameter weight, Parameter bias);
}
