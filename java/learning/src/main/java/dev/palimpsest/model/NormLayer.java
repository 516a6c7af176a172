package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * Batch norm over every channel of images, and a ReLU behind it if asked: [C, H, W] to the same.
 *
 * @param norm scale, shift and running statistics, [C] each
 * @param relu whether a ReLU follows in the same pass
 */
record NormLayer(BatchNorm norm, boolean relu) implements Layer {
    @Override
    public Shape outputShape(List<Shape> inputs) {
        Shape image = Shapes.image(norm.scale().name(), inputs.getFirst());
        if (image.extent(0) != norm.channels()) {
            throw new IllegalArgumentException(
                    norm.scale().name() + " has " + norm.channels() + " channels, its images are " + image);
        }
        return image;
    }

    @Override
    public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
        return tape.batchNorm(inputs.getFirst(), norm, relu, frozenNorm);
    }

    @Override
    public Layer over(Copies copies) {
        return new NormLayer(
                new BatchNorm(
                        copies.of(norm.scale()),
                        copies.of(norm.shift()),
                        copies.of(norm.runningMean()),
                        copies.of(norm.runningVariance())),
                relu);
    }

    @Override
    public Optional<Layer> withRelu() {
        return relu ? Optional.empty() : Optional.of(new NormLayer(norm, true));
    }

    /**
     * Gives every channel whose weights in the layer before are all zero the statistics of a new one, mean 0 and
     * variance 1. Its output, the norm's shift, stays the same; but with a variance of nearly 0 left behind, weights
     * that it gets later would be amplified by 1/√ε ≈ 316.
     *
     * @param weight of the convolution before, [C, …]
     */
    void renewEmptyChannels(Parameter weight) {
        long each = weight.size() / norm.channels();
        for (int o = 0; o < norm.channels(); o++) {
            boolean empty = true;
            for (long i = o * each; empty && i < (o + 1) * each; i++) {
                empty = weight.read().getAtIndex(JAVA_FLOAT, i) == 0;
            }
            if (empty) {
                norm.runningMean().update().setAtIndex(JAVA_FLOAT, o, 0);
                norm.runningVariance().update().setAtIndex(JAVA_FLOAT, o, 1);
            }
        }
    }

    @Override
    public String toString() {
        return norm.scale().name();
    }
}
