package dev.palimpsest.engine;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** What must hold before memory is handed to native code, each with its sentence. */
final class Checks {
    private Checks() {}

    static void shape(String what, Shape expected, Tensor actual) {
        if (!actual.shape().equals(expected)) {
            throw new IllegalArgumentException(what + " must be " + expected + ", got " + actual.shape());
        }
    }

    /** An activation: images in the engine's own order, as convolutions give them. */
    static void activation(String operation, Tensor images) {
        if (images.shape().rank() != 4 || images.layout() != Tensor.Layout.ENGINE) {
            throw new IllegalArgumentException(operation + " needs an activation N×C×H×W that a convolution gave, got "
                    + (images.layout() == Tensor.Layout.ENGINE ? "" : "row-major values of ") + images.shape());
        }
    }

    static void rowMajorMatrix(String operation, Tensor matrix) {
        if (matrix.shape().rank() != 2 || matrix.layout() != Tensor.Layout.ROW_MAJOR) {
            throw new IllegalArgumentException(operation + " needs a matrix N×features, got " + matrix.shape());
        }
    }

    static void same(Tensor a, Tensor b) {
        if (!a.shape().equals(b.shape()) || a.layout() != b.layout()) {
            throw new IllegalArgumentException("expected two tensors of one shape and layout, got " + a.shape() + " and " + b.shape());
        }
    }

    static void notEmpty(String operation, Shape batch) {
        if (batch.elements() == 0) {
            throw new IllegalArgumentException(operation + " of an empty batch (" + batch + "): expected at least one image");
        }
    }

    static void batchNorm(Tensor input, BatchNorm norm, boolean frozen) {
        activation("batch norm", input);
        if (input.shape().extent(1) != norm.channels()) {
            throw new IllegalArgumentException(norm.scale().name() + " has " + norm.channels() + " channels, the activation is "
                    + input.shape());
        }
        if (!frozen && input.shape().elements() <= norm.channels()) {
            throw new IllegalArgumentException("batch norm needs more than one value a channel, got activations of " + input.shape()
                    + ": train on batches of at least 2 images");
        }
    }

    static void linear(Tensor input, Parameter weight) {
        rowMajorMatrix(weight.name(), input);
        notEmpty(weight.name(), input.shape());
        int inputs = weight.shape().extent(1);
        if (input.shape().extent(1) != inputs) {
            throw new IllegalArgumentException(weight.name() + " is " + weight.shape() + " and needs an input of N×" + inputs + ", got "
                    + input.shape());
        }
    }

    /** The weights and bias that a frozen convolution is made of. */
    static void frozen(Convolution geometry, long weightBytes, MemorySegment bias) {
        if (weightBytes != geometry.weightShape().bytes() || bias.byteSize() != (long) geometry.outputs() * Float.BYTES) {
            throw new IllegalArgumentException("a convolution with weights " + geometry.weightShape() + " needs "
                    + geometry.weightShape().bytes() + " bytes of them and " + (long) geometry.outputs() * Float.BYTES + " of bias, got "
                    + weightBytes + " and " + bias.byteSize());
        }
    }
}
