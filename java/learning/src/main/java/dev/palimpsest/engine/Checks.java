package dev.palimpsest.engine;

import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

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
            throw new IllegalArgumentException(
                    "expected two tensors of one shape and layout, got " + a.shape() + " and " + b.shape());
        }
    }

    /** What elementwise operations take: activations, or row-major tensors of one to four axes but three. */
    static void elementwise(String operation, Tensor x) {
        if (x.shape().rank() == 3 || x.shape().rank() > 4) {
            throw new IllegalArgumentException(
                    operation + " needs an activation N×C×H×W or a matrix N×features, got " + x.shape());
        }
        notEmpty(operation, x.shape());
    }

    /** @return the matrix's shape */
    static Shape rows(String operation, Shape images) {
        if (images.rank() != 4) {
            throw new IllegalArgumentException(operation + " needs images N×C×H×W, got " + images);
        }
        notEmpty(operation, images);
        return Shape.of(images.extent(0), Math.toIntExact(images.elements() / images.extent(0)));
    }

    static void notEmpty(String operation, Shape batch) {
        if (batch.elements() == 0) {
            throw new IllegalArgumentException(
                    operation + " of an empty batch (" + batch + "): expected at least one image");
        }
    }

    static void batchNorm(Tensor input, BatchNorm norm, boolean frozen) {
        activation("batch norm", input);
        if (input.shape().extent(1) != norm.channels()) {
            throw new IllegalArgumentException(
                    norm.scale().name() + " has " + norm.channels() + " channels, the activation is " + input.shape());
        }
        if (!frozen && input.shape().elements() <= norm.channels()) {
            throw new IllegalArgumentException("batch norm needs more than one value a channel, got activations of "
                    + input.shape() + ": train on batches of at least 2 images");
        }
    }

    static void linear(Tensor input, Parameter weight) {
        rowMajorMatrix(weight.name(), input);
        notEmpty(weight.name(), input.shape());
        int inputs = weight.shape().extent(1);
        if (input.shape().extent(1) != inputs) {
            throw new IllegalArgumentException(weight.name() + " is " + weight.shape() + " and needs an input of N×"
                    + inputs + ", got " + input.shape());
        }
    }

    /** The weights and bias that a frozen convolution is made of. */
    static void frozen(Convolution geometry, long weightBytes, MemorySegment bias) {
        if (weightBytes != geometry.weightShape().bytes()
                || bias.byteSize() != (long) geometry.outputs() * Float.BYTES) {
            throw new IllegalArgumentException("a convolution with weights " + geometry.weightShape() + " needs "
                    + geometry.weightShape().bytes() + " bytes of them and " + (long) geometry.outputs() * Float.BYTES
                    + " of bias, got "
                    + weightBytes + " and " + bias.byteSize());
        }
    }

    static Shape matrix(Tensor matrix) {
        if (matrix.shape().rank() != 2) {
            throw new IllegalArgumentException("a loss of rows needs a matrix, got " + matrix.shape());
        }
        return matrix.shape();
    }

    static void fixed(Tensor matrix, Matrix fixed) {
        if (fixed.rows() != 1 || fixed.columns() != matrix(matrix).extent(1)) {
            throw new IllegalArgumentException(
                    "logits have " + matrix.shape().extent(1) + " columns, " + fixed.columns() + " were expected");
        }
    }

    static void product(Matrix a, Matrix b) {
        if (a.columns() != b.rows()) {
            throw new IllegalArgumentException("matrices of " + size(a) + " and " + size(b) + " have no product");
        }
    }

    static void same(Matrix a, Matrix b) {
        if (a.rows() != b.rows() || a.columns() != b.columns()) {
            throw new IllegalArgumentException("expected two matrices of one size, got " + size(a) + " and " + size(b));
        }
    }

    static void sameColumns(Matrix a, Matrix b) {
        if (a.columns() != b.columns()) {
            throw new IllegalArgumentException(
                    "expected as many columns in both matrices, got " + size(a) + " and " + size(b));
        }
    }

    static void labels(Matrix softmax, int[] labels) {
        if (labels.length != softmax.rows()) {
            throw new IllegalArgumentException(labels.length + " labels for a matrix of " + size(softmax));
        }
        columns(softmax, labels);
    }

    static void columns(Matrix matrix, int[] columns) {
        for (int column : columns) {
            if (column < 0 || column >= matrix.columns()) {
                throw new IndexOutOfBoundsException("column " + column + " of a matrix of " + size(matrix));
            }
        }
    }

    static void choice(Tensor oneHot, List<Tensor> matrices) {
        Shape first = matrix(matrices.getFirst());
        shape("one-hot rows of " + matrices.size() + " matrices", Shape.of(first.extent(0), matrices.size()), oneHot);
        matrices.forEach(each -> shape("each matrix", first, each));
    }

    /** @return the part's shape */
    static Shape part(Tensor tensor, int begin, int end) {
        rowMajor("a part", tensor);
        Objects.checkFromToIndex(begin, end, tensor.shape().extent(0));
        return with(tensor.shape(), end - begin);
    }

    /** @return the shape of all together */
    static Shape stacked(List<Tensor> tensors) {
        Shape first = tensors.getFirst().shape();
        int rows = 0;
        for (Tensor tensor : tensors) {
            rowMajor("a stack", tensor);
            shape("each tensor of the stack", with(first, tensor.shape().extent(0)), tensor);
            rows += tensor.shape().extent(0);
        }
        return with(first, rows);
    }

    private static void rowMajor(String what, Tensor tensor) {
        if (tensor.layout() != Tensor.Layout.ROW_MAJOR) {
            throw new IllegalArgumentException(
                    what + " needs row-major tensors, got an activation of " + tensor.shape());
        }
    }

    private static Shape with(Shape shape, int outermost) {
        int[] extents = shape.extents();
        extents[0] = outermost;
        return Shape.of(extents);
    }

    static void pairs(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        if (targets.size() != sources.size() || targets.size() != kept.length) {
            throw new IllegalArgumentException(targets.size() + " targets, " + sources.size() + " sources and "
                    + kept.length + " shares: expected as many of each");
        }
        for (int i = 0; i < kept.length; i++) {
            if (targets.get(i).bytes() != sources.get(i).bytes() || !(kept[i] >= 0 && kept[i] <= 1)) {
                throw new IllegalArgumentException("pair " + i + " has "
                        + targets.get(i).bytes() + " and " + sources.get(i).bytes() + " bytes and keeps " + kept[i]
                        + ": expected the same size and a share from 0 to 1");
            }
        }
    }

    private static String size(Matrix matrix) {
        return matrix.rows() + "×" + matrix.columns();
    }
}
