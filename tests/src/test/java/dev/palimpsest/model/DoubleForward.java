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
import dev.palimpsest.model.Layers.UnitLengthLayer;
import dev.palimpsest.model.Network.Head;
import java.util.Arrays;
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
            case UnitLengthLayer() -> unitLength(x);
            default -> throw new IllegalArgumentException("no loops for " + layer);
        };
    }

    private static Images unitLength(Images features) {
        double[] values = features.values().clone();
        int width = values.length / features.n();
        for (int row = 0; row < features.n(); row++) {
            int begin = row * width;
            double squares =
                    Arrays.stream(values, begin, begin + width).map(x -> x * x).sum();
            for (int i = begin; i < begin + width; i++) {
                values[i] /= Math.sqrt(squares);
            }
        }
        return new Images(features.n(), features.channels(), features.height(), features.width(), values);
    }

    @Override
    public Images head(Head head, Images features) {
        return layers.linear(features, head.weight(), head.bias());
    }

    @Override
    public void done(Images value) {}
}
