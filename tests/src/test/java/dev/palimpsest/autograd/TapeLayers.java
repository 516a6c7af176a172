package dev.palimpsest.autograd;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Layers;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Parameter;

/** The layers on a tape. */
record TapeLayers(Tape tape) implements Layers<Variable> {
    @Override
    public Variable convolution(Variable images, Parameter weight, Convolution geometry) {
        return tape.convolution(images, weight, geometry);
    }

    @Override
    public Variable batchNorm(Variable images, BatchNorm norm, boolean relu, boolean frozen) {
        return tape.batchNorm(images, norm, relu, frozen);
    }

    @Override
    public Variable addRelu(Variable a, Variable b) {
        return tape.addRelu(a, b);
    }

    @Override
    public Variable add(Variable a, Variable b) {
        return tape.add(a, b);
    }

    @Override
    public Variable relu(Variable x) {
        return tape.relu(x);
    }

    @Override
    public Variable flatten(Variable images) {
        return tape.flatten(images);
    }

    @Override
    public Variable averagePool(Variable images) {
        return tape.averagePool(images);
    }

    @Override
    public Variable maxPool(Variable images, MaxPooling geometry) {
        return tape.maxPool(images, geometry);
    }

    @Override
    public Variable linear(Variable input, Parameter weight, Parameter bias) {
        return tape.linear(input, weight, bias);
    }
}
