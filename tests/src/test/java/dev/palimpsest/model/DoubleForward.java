package dev.palimpsest.model;

import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.DoubleLayers.Images;
import dev.palimpsest.engine.MaxPooling;

/** A network's forward pass in double loops. */
record DoubleForward(DoubleLayers layers, boolean frozenNorm) implements Forward<Images> {
    @Override
    public Images unit(ConvNorm unit, Images input, Images residual, boolean relu) {
        Images convolved = layers.convolution(input, unit.weight(), unit.geometry());
        return residual == null
                ? layers.batchNorm(convolved, unit.norm(), relu, frozenNorm)
                : layers.addRelu(layers.batchNorm(convolved, unit.norm(), false, frozenNorm), residual);
    }

    @Override
    public Images maxPool(Images images, MaxPooling geometry) {
        return layers.maxPool(images, geometry);
    }

    @Override
    public Images averagePool(Images images) {
        return layers.averagePool(images);
    }

    @Override
    public Images linear(Linear layer, Images input) {
        return layers.linear(input, layer.weight(), layer.bias());
    }

    @Override
    public void done(Images value) {}
}
