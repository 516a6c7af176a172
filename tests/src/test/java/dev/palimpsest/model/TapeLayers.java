package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Layers;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.model.Layers.AddLayer;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Layers.FlattenLayer;
import dev.palimpsest.model.Layers.LinearLayer;
import dev.palimpsest.model.Layers.MaxPoolLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.model.Layers.ReluLayer;
import dev.palimpsest.tensor.Parameter;
import java.util.List;

/** The layers on a tape; public for tests of other packages. */
public record TapeLayers(Tape tape) implements Layers<Variable> {
    @Override
    public Variable convolution(Variable images, Parameter weight, Convolution geometry) {
        return applied(new ConvolutionLayer(weight, geometry), false, images);
    }

    @Override
    public Variable batchNorm(Variable images, BatchNorm norm, boolean relu, boolean frozen) {
        return applied(new NormLayer(norm, relu), frozen, images);
    }

    @Override
    public Variable addRelu(Variable a, Variable b) {
        return applied(new AddLayer(true), false, a, b);
    }

    @Override
    public Variable add(Variable a, Variable b) {
        return applied(new AddLayer(false), false, a, b);
    }

    @Override
    public Variable relu(Variable x) {
        return applied(new ReluLayer(), false, x);
    }

    @Override
    public Variable flatten(Variable images) {
        return applied(new FlattenLayer(), false, images);
    }

    @Override
    public Variable averagePool(Variable images) {
        return applied(new AveragePoolLayer(), false, images);
    }

    @Override
    public Variable maxPool(Variable images, MaxPooling geometry) {
        return applied(new MaxPoolLayer(geometry), false, images);
    }

    @Override
    public Variable linear(Variable input, Parameter weight, Parameter bias) {
        return applied(new LinearLayer(weight, bias), false, input);
    }

    /** norm(weight ∗ images) + residual as a trained network computes it; the residual may be null. */
    public Variable normalisedConvolution(
            Variable images,
            Parameter weight,
            Convolution geometry,
            BatchNorm norm,
            Variable residual,
            boolean relu,
            boolean frozen) {
        Layer layer = new Folding.NormalisedConvolution(
                new ConvolutionLayer(weight, geometry), new NormLayer(norm, false), relu);
        return residual == null ? applied(layer, frozen, images) : applied(layer, frozen, images, residual);
    }

    private Variable applied(Layer layer, boolean frozen, Variable... inputs) {
        return layer.apply(tape, List.of(inputs), frozen);
    }
}
