package dev.palimpsest.model;

import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.DoubleLayers.Images;
import dev.palimpsest.model.Layers.AddLayer;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Layers.FlattenLayer;
import dev.palimpsest.model.Layers.LinearLayer;
import dev.palimpsest.model.Layers.MaxPoolLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.model.Layers.ReluLayer;
import dev.palimpsest.model.Network.Head;
import java.util.List;

/** A network's forward pass in double loops. */
record DoubleForward(DoubleLayers layers, boolean frozenNorm) implements Forward<Images> {
    @Override
    public Images layer(Layer layer, List<Images> inputs) {
        Images x = inputs.getFirst();
        return switch (layer) {
            case ConvolutionLayer(var weight, var geometry) -> layers.convolution(x, weight, geometry);
            case NormLayer(var norm, boolean relu) -> layers.batchNorm(x, norm, relu, frozenNorm);
            case AddLayer(boolean relu) -> relu ? layers.addRelu(x, inputs.getLast()) : layers.add(x, inputs.getLast());
            case ReluLayer() -> layers.relu(x);
            case MaxPoolLayer(var geometry) -> layers.maxPool(x, geometry);
            case AveragePoolLayer() -> layers.averagePool(x);
            case FlattenLayer() -> layers.flatten(x);
            case LinearLayer(var weight, var bias) -> layers.linear(x, weight, bias);
            default -> throw new IllegalArgumentException("no loops for " + layer);
        };
    }

    @Override
    public Images head(Head head, Images features) {
        return layers.linear(features, head.weight(), head.bias());
    }

    @Override
    public void done(Images value) {}
}
