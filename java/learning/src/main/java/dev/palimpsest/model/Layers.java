package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/** The layers that the methods of {@link Node} apply. */
final class Layers {
    private Layers() {}

    /**
     * A convolution without bias: [C, H, W] to [O, H', W'].
     *
     * @param weight [O, C, kernel, kernel]
     * @param geometry kernel, stride and padding
     */
    record ConvolutionLayer(Parameter weight, Convolution geometry) implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return Shapes.ofOne(geometry.outputShape(Shapes.batchOfOne(weight.name(), inputs.getFirst())));
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable images = inputs.getFirst();
            return tape.record(engine.convolution(images.value(), weight, geometry), List.of(), gradient -> {
                engine.convolutionWeightGradient(images.value(), gradient, weight, geometry);
                if (tape.wantsGradient(images)) {
                    Shape shape = images.value().shape();
                    tape.accumulate(images, engine.convolutionInputGradient(gradient, weight, geometry, shape));
                }
            });
        }

        @Override
        public Layer over(Copies copies) {
            return new ConvolutionLayer(copies.of(weight), geometry);
        }

        @Override
        public String toString() {
            return weight.name();
        }
    }

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
            Engine engine = tape.engine();
            Variable images = inputs.getFirst();
            BatchNorm.Normalised forward = engine.batchNorm(images.value(), norm, relu, frozenNorm);
            return tape.record(
                    forward.output(),
                    forward.saved(),
                    gradient -> tape.accumulate(images, engine.batchNormGradient(gradient, images.value(), forward)));
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
         * variance 1. Its output, the norm's shift, stays the same; but with a variance of nearly 0 left behind,
         * weights that it gets later would be amplified by 1/√ε ≈ 316.
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

    /** max(x, 0) of every value, for images and for rows of a matrix. */
    record ReluLayer() implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return inputs.getFirst();
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Tensor output = engine.relu(inputs.getFirst().value());
            return tape.record(
                    output,
                    List.of(),
                    gradient -> tape.accumulate(inputs.getFirst(), engine.reluGradient(gradient, output)));
        }
    }

    /**
     * The sum of two values of one shape, and a ReLU behind it if asked: the end of a residual block.
     *
     * @param relu whether a ReLU follows in the same pass
     */
    record AddLayer(boolean relu) implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            if (!inputs.getFirst().equals(inputs.getLast())) {
                throw new IllegalArgumentException(
                        "a sum needs two values of one shape, got " + inputs.getFirst() + " and " + inputs.getLast());
            }
            return inputs.getFirst();
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable a = inputs.getFirst();
            Variable b = inputs.getLast();
            Tensor output = relu ? engine.addRelu(a.value(), b.value()) : engine.add(a.value(), b.value());
            return tape.record(output, List.of(), gradient -> {
                Tensor each = relu ? engine.reluGradient(gradient, output) : gradient.retain();
                tape.accumulate(a, each.retain());
                tape.accumulate(b, each);
            });
        }

        @Override
        public Optional<Layer> withRelu() {
            return relu ? Optional.empty() : Optional.of(new AddLayer(true));
        }
    }

    /**
     * The maximum of every window: [C, H, W] to [C, H', W'].
     *
     * @param geometry of the windows
     */
    record MaxPoolLayer(MaxPooling geometry) implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return Shapes.ofOne(geometry.outputShape(Shapes.batchOfOne("maximum pooling", inputs.getFirst())));
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable images = inputs.getFirst();
            MaxPooling.Pooled forward = engine.maxPool(images.value(), geometry);
            return tape.record(
                    forward.output(),
                    forward.saved(),
                    gradient -> tape.accumulate(images, engine.maxPoolGradient(gradient, images.value(), forward)));
        }
    }

    /** The mean over all positions: [C, H, W] to [C]. */
    record AveragePoolLayer() implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return Shape.of(Shapes.image("average pooling", inputs.getFirst()).extent(0));
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable images = inputs.getFirst();
            return tape.record(
                    engine.averagePool(images.value()),
                    List.of(),
                    gradient -> tape.accumulate(
                            images,
                            engine.averagePoolGradient(gradient, images.value().shape())));
        }
    }

    /** Features divided by their length: [features] to the same. */
    record UnitLengthLayer() implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            if (inputs.getFirst().rank() != 1) {
                throw new IllegalArgumentException("unit length needs features, got images of " + inputs.getFirst()
                        + ": flatten or pool them before it");
            }
            return inputs.getFirst();
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable x = inputs.getFirst();
            try (Matrices matrices = engine.matrices()) {
                Tensor output = matrices.of(x.value()).unitRows().rows().toTensor();
                return tape.record(output, List.of(), gradient -> {
                    // Twice the divisions, instead of matrices in double precision kept until now.
                    try (Matrices again = engine.matrices()) {
                        Matrix.Unit unit = again.of(x.value()).unitRows();
                        tape.accumulate(x, unit.gradient(again.of(gradient)).toTensor());
                    }
                });
            }
        }
    }

    /** Images as rows of a matrix, channel by channel and row by row: [C, H, W] to [C·H·W]. */
    record FlattenLayer() implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return Shape.of(Math.toIntExact(
                    Shapes.image("flattening", inputs.getFirst()).elements()));
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Engine engine = tape.engine();
            Variable images = inputs.getFirst();
            return tape.record(engine.flatten(images.value()), List.of(), gradient -> {
                if (tape.wantsGradient(images)) {
                    tape.accumulate(
                            images, engine.unflatten(gradient, images.value().shape()));
                }
            });
        }
    }

    /**
     * A fully connected layer inside a network: x·weightᵀ + bias, [in] to [out].
     *
     * @param weight [out, in]; it has owners and can be pruned
     * @param bias [out]
     */
    record LinearLayer(Parameter weight, Parameter bias) implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            Shape expected = Shape.of(weight.shape().extent(1));
            if (!inputs.getFirst().equals(expected)) {
                throw new IllegalArgumentException(
                        weight.name() + " needs " + expected + " features for each sample, got " + inputs.getFirst()
                                + (inputs.getFirst().rank() == 3 ? ": flatten images before it" : ""));
            }
            return Shape.of(weight.shape().extent(0));
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            return tape.linear(inputs.getFirst(), weight, bias);
        }

        @Override
        public Layer over(Copies copies) {
            return new LinearLayer(copies.of(weight), copies.of(bias));
        }

        @Override
        public String toString() {
            return weight.name();
        }
    }
}
