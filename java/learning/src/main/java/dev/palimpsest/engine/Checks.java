package dev.palimpsest.engine;

import dev.palimpsest.internal.Given;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.SnapshotReconstruction;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** What must hold of an operation's arguments besides {@link Guard}'s, each with its sentence. */
final class Checks {
    private Checks() {}

    /** Memory that becomes a tensor. */
    static void memory(Shape shape, MemorySegment memory) {
        if (memory.byteSize() < shape.bytes()) {
            throw new IllegalArgumentException(
                    "a tensor of " + shape + " needs " + shape.bytes() + " bytes, the memory has " + memory.byteSize());
        }
        if (!memory.isNative()
                || memory.address() % Float.BYTES != 0
                || !memory.scope().isAlive()
                || !memory.isAccessibleBy(Thread.currentThread())) {
            throw new IllegalArgumentException("a tensor of " + shape
                    + " needs off-heap memory that is aligned to 4 bytes, not freed and not of another thread, got "
                    + memory);
        }
    }

    static void values(Shape shape, float[] values) {
        if (values.length != shape.elements()) {
            throw new IllegalArgumentException(
                    "a tensor of " + shape + " needs " + shape.elements() + " values, got " + values.length);
        }
    }

    static void weight(Parameter weight, Convolution geometry) {
        if (!weight.shape().equals(geometry.weightShape())) {
            throw new IllegalArgumentException(
                    weight.name() + " is " + weight.shape() + ", the convolution needs " + geometry.weightShape());
        }
    }

    static void same(Tensor a, Tensor b) {
        if (!a.shape().equals(b.shape()) || a.layout() != b.layout()) {
            throw new IllegalArgumentException("expected two tensors of one shape and layout, got " + Guard.described(a)
                    + " and " + Guard.described(b));
        }
    }

    static void writable(String what, Tensor tensor) {
        if (tensor.isReadOnly()) {
            throw new IllegalArgumentException(what + ", a tensor of " + tensor.shape()
                    + ", stands for memory that Engine.wrap was given, which stays as it is: copy it with"
                    + " Engine.tensor");
        }
    }

    static void batchNorm(Shape input, BatchNorm norm, boolean frozen) {
        if (input.extent(1) != norm.channels()) {
            throw new IllegalArgumentException(
                    norm.scale().name() + " has " + norm.channels() + " channels, the activation is " + input);
        }
        if (!frozen && input.elements() <= norm.channels()) {
            throw new IllegalArgumentException("batch norm needs more than one value per channel, got activations of "
                    + input + ": train on batches of at least 2 images");
        }
    }

    /** What a norm keeps for its gradient. */
    static void saved(Guard guard, String what, BatchNorm.Normalised forward) {
        Shape output = forward.output().shape();
        batchNorm(output, forward.norm(), true);
        for (Tensor moment : Arrays.asList(forward.mean(), forward.variance())) {
            if (moment != null) {
                guard.held(what, moment);
                Guard.shape(what, Shape.of(forward.norm().channels()), moment);
            }
        }
        if (forward.passed() != null) {
            guard.activation(what, output, forward.passed());
        }
    }

    static void images(String operation, Shape images) {
        if (images.rank() != 4 || images.elements() == 0) {
            throw new IllegalArgumentException(
                    operation + " needs images of N×C×H×W, at least one of them, got " + images);
        }
    }

    static void grid(Shape images, int grid) {
        if (grid < 1 || grid > images.extent(2) || grid > images.extent(3)) {
            throw new IllegalArgumentException("average pooling of images of " + images + " over a grid of " + grid
                    + " parts a side: expected at least 1, and at most the height and the width");
        }
    }

    static void linear(Tensor input, Parameter weight, Parameter bias) {
        if (weight.shape().rank() != 2) {
            throw new IllegalArgumentException(
                    weight.name() + " must be outputs×inputs to be a linear layer's weight, is " + weight.shape());
        }
        int inputs = weight.shape().extent(1);
        if (input.shape().extent(1) != inputs) {
            throw new IllegalArgumentException(weight.name() + " is " + weight.shape() + " and needs an input of N×"
                    + inputs + ", got " + input.shape());
        }
        if (weight.size() == 0) {
            throw new IllegalArgumentException(
                    weight.name() + " is " + weight.shape() + ": expected at least one input and output");
        }
        int outputs = weight.shape().extent(0);
        if (!bias.shape().equals(Shape.of(outputs))) {
            throw new IllegalArgumentException(
                    weight.name() + " has " + outputs + " outputs, " + bias.name() + " is " + bias.shape());
        }
    }

    static void columns(Tensor matrix, ClassRange columns) {
        if (columns.size() == 0 || columns.end() > matrix.shape().extent(1)) {
            throw new IllegalArgumentException("columns " + columns + " of a matrix of " + matrix.shape());
        }
    }

    /** Logits with a label for each row. */
    static void labels(Tensor logits, int[] labels, ClassRange classes) {
        Shape shape = logits.shape();
        if (shape.extent(0) != labels.length || classes.end() > shape.extent(1)) {
            throw new IllegalArgumentException(
                    "cross-entropy over classes " + classes + " of " + labels.length + " labels needs logits of "
                            + labels.length + " rows and at least " + classes.end() + " columns, got " + shape);
        }
        for (int label : labels) {
            if (!classes.contains(label)) {
                throw new IllegalArgumentException(
                        "label " + label + " lies outside the classes " + classes + " of the cross-entropy");
            }
        }
    }

    /** The last model's logits as targets of these. */
    static void targets(Shape logits, Shape last) {
        if (last.extent(0) != logits.extent(0) || last.extent(1) > logits.extent(1)) {
            throw new IllegalArgumentException("the last model's logits need " + logits.extent(0) + " rows and at most "
                    + logits.extent(1) + " columns to be targets for logits of " + logits + ", got " + last);
        }
    }

    static void positive(String what, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(what + " " + value + ": expected at least 1");
        }
    }

    static void teachers(int classes, List<ClassRange> ranges, float temperature) {
        for (ClassRange range : Given.all(ranges, "range", "a teacher's classes")) {
            if (range.size() == 0 || range.end() > classes) {
                throw new IllegalArgumentException("a teacher's classes " + range
                        + " must be at least one and lie within the student's [0, " + classes + ")");
            }
        }
        if (!(temperature > 0 && temperature < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("temperature " + temperature + ": expected a finite value above 0");
        }
        if (temperature < 1e-30f || temperature > 1e30f) {
            throw new IllegalArgumentException("temperature " + temperature
                    + ": expected 1.0E-30 to 1.0E30, with which logits have quotients in float32");
        }
    }

    /** The weights and bias that a frozen convolution is made of. */
    static void frozen(String what, Shape shape, MemorySegment values) {
        if (values.byteSize() != shape.bytes()) {
            throw new IllegalArgumentException("the " + what + " of a frozen convolution is " + shape + " and needs "
                    + shape.bytes() + " bytes, got " + values.byteSize());
        }
        memory(shape, values);
    }

    /** The planes that choose among a parameter's weights. */
    static void mask(Parameter present, SnapshotMask mask) {
        long needed = SnapshotReconstruction.planeBytes(present.size(), mask.planeCount());
        if (mask.planes().bytes() < needed) {
            throw new IllegalArgumentException("a mask of " + mask.planeCount() + " planes for " + present.name()
                    + " needs " + needed + " bytes, has " + mask.planes().bytes());
        }
    }

    static Shape with(Shape shape, int outermost) {
        int[] extents = shape.extents();
        extents[0] = outermost;
        return Shape.of(extents);
    }

    static void pairs(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        if (targets.size() != sources.size() || targets.size() != kept.length) {
            throw new IllegalArgumentException(targets.size() + " targets, " + sources.size() + " sources and "
                    + kept.length + " shares: expected as many of each");
        }
        positive("pairs of a moving average", kept.length);
        for (int i = 0; i < kept.length; i++) {
            if (targets.get(i).bytes() != sources.get(i).bytes() || !(kept[i] >= 0 && kept[i] <= 1)) {
                throw new IllegalArgumentException("pair " + i + " has "
                        + targets.get(i).bytes() + " and " + sources.get(i).bytes() + " bytes and keeps " + kept[i]
                        + ": expected the same size and a share from 0 to 1");
            }
        }
    }
}
