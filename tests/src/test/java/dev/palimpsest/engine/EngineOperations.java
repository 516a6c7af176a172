package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.function.Executable;

/**
 * Every operation of an engine that takes tensors, with arguments that fit, and calls that are wrong in other ways.
 */
final class EngineOperations implements AutoCloseable {
    /**
     * An operation with tensors that fit.
     *
     * @param takes which other tensors fit in each place, as long as the others stay
     */
    record Operation(String name, List<Tensor> arguments, List<Predicate<Tensor>> takes, Consumer<List<Tensor>> does) {
        void call() {
            does.accept(arguments);
        }

        void callWith(List<Tensor> others) {
            does.accept(others);
        }

        boolean takes(int place, Tensor tensor) {
            Tensor own = arguments.get(place);
            return tensor.shape().elements() > 0
                    && (own.shape().equals(tensor.shape()) && own.layout() == tensor.layout()
                            || takes.get(place).test(tensor));
        }
    }

    private static final Predicate<Tensor> NOTHING_ELSE = tensor -> false;
    private static final Predicate<Tensor> ANY = tensor -> true;
    private static final Convolution GEOMETRY = new Convolution(8, 16, 3, 1, 1);
    private static final MaxPooling POOLING = new MaxPooling(2, 2, 0);
    private static final ClassRange CLASSES = new ClassRange(0, 3);

    private final Engine engine;
    private final Arena arena = Arena.ofShared();
    private final SplittableRandom random = new SplittableRandom(5);
    private final List<AutoCloseable> opened = new ArrayList<>();

    EngineOperations(Engine engine) {
        this.engine = engine;
    }

    private <T extends AutoCloseable> T open(T each) {
        opened.add(each);
        return each;
    }

    @Override
    public void close() {
        try {
            for (AutoCloseable each : opened) {
                each.close();
            }
        } catch (Exception e) {
            throw new AssertionError(e);
        } finally {
            arena.close();
        }
    }

    private float[] values(long count) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    Tensor rowMajor(int... extents) {
        Shape shape = Shape.of(extents);
        return engine.tensor(shape, values(shape.elements()));
    }

    Tensor activation(int n, int channels, int height, int width) {
        Convolution geometry = new Convolution(channels, channels, 1, 1, 0);
        return engine.convolution(
                rowMajor(n, channels, height, width), parameter("one", geometry.weightShape()), geometry);
    }

    /** A tensor of the same shape and layout, of this engine. */
    Tensor like(Tensor tensor) {
        int[] extents = tensor.shape().extents();
        return tensor.layout() == Tensor.Layout.ENGINE
                ? activation(extents[0], extents[1], extents[2], extents[3])
                : rowMajor(extents);
    }

    private Parameter parameter(String name, Shape shape) {
        Parameter parameter = new Parameter(name, Parameter.Role.WEIGHT, shape, arena);
        parameter.set(values(shape.elements()));
        return parameter;
    }

    private BatchNorm norm(int channels) {
        Shape shape = Shape.of(channels);
        return new BatchNorm(
                parameter("scale", shape), parameter("shift", shape), ones("mean", shape), ones("variance", shape));
    }

    private Buffer ones(String name, Shape shape) {
        MemorySegment values = arena.allocate(shape.bytes(), 64);
        for (int i = 0; i < shape.elements(); i++) {
            values.setAtIndex(JAVA_FLOAT, i, 1);
        }
        return new Buffer(name, shape, values);
    }

    private MemorySegment floats(int count) {
        return arena.allocateFrom(JAVA_FLOAT, values(count));
    }

    /** Tensors of all ranks, layouts and sizes near those of the operations. */
    Map<String, Tensor> tensors() {
        Map<String, Tensor> all = new TreeMap<>();
        for (int[] extents : new int[][] {
            {},
            {1},
            {2},
            {8},
            {0, 3},
            {2, 0},
            {1, 3},
            {2, 2},
            {2, 3},
            {2, 4},
            {3, 2},
            {3, 3},
            {2, 8},
            {2, 1},
            {4, 3},
            {2, 3, 4},
            {2, 8, 4},
            {1, 1, 2, 3},
            {2, 8, 4, 4},
            {2, 16, 4, 4},
            {2, 3, 4, 4},
            {0, 8, 4, 4},
            {2, 8, 2, 2},
            {2, 8, 4, 4, 1}
        }) {
            Tensor tensor = rowMajor(extents);
            all.put("row-major " + tensor.shape(), tensor);
        }
        for (int[] e : new int[][] {
            {2, 8, 4, 4},
            {3, 8, 4, 4},
            {2, 16, 4, 4},
            {2, 8, 3, 4},
            {2, 8, 4, 3},
            {2, 8, 2, 2},
            {2, 3, 1, 1},
            {1, 8, 1, 1}
        }) {
            Tensor tensor = activation(e[0], e[1], e[2], e[3]);
            all.put("activation " + tensor.shape(), tensor);
        }
        return all;
    }

    List<Operation> all() {
        List<Operation> all = new ArrayList<>(layers());
        all.addAll(rows());
        all.addAll(losses());
        return all;
    }

    private List<Operation> layers() {
        Tensor images = rowMajor(2, 8, 4, 4);
        Tensor input = activation(2, 8, 4, 4);
        Tensor output = activation(2, 16, 4, 4);
        Tensor pooled = activation(2, 8, 2, 2);
        Parameter weight = parameter("conv", GEOMETRY.weightShape());
        BatchNorm norm = norm(8);
        BatchNorm.Normalised normalised = engine.batchNorm(input, norm, true, false);
        BatchNorm.Normalised frozenNorm = engine.batchNorm(input, norm, false, true);
        BatchNorm outputs = norm(16);
        Convolution.Normalised both =
                engine.normalisedConvolution(images, weight, GEOMETRY, outputs, null, true, false);
        MaxPooling.Pooled maxima = engine.maxPool(input, POOLING);
        Predicate<Tensor> convolved = t ->
                t.shape().rank() == 4 && t.shape().extent(1) == 8 && t.shape().elements() > 0;
        Predicate<Tensor> sameImages = t -> t.shape().equals(images.shape());
        Predicate<Tensor> activation = t -> t.layout() == Tensor.Layout.ENGINE;
        Predicate<Tensor> eightChannels = t -> activation.test(t) && t.shape().extent(1) == 8;
        Convolution.Frozen frozen = open(engine.freeze(GEOMETRY, floats(16 * 8 * 9), floats(16)));
        return List.of(
                one("convolution", images, convolved, t -> engine.convolution(t, weight, GEOMETRY)),
                one(
                        "convolutionInputGradient",
                        output,
                        NOTHING_ELSE,
                        t -> engine.convolutionInputGradient(t, weight, GEOMETRY, input.shape())),
                new Operation(
                        "convolutionWeightGradient",
                        List.of(images, output),
                        List.of(sameImages, NOTHING_ELSE),
                        t -> engine.convolutionWeightGradient(t.get(0), t.get(1), weight, GEOMETRY)),
                one(
                        "batchNorm",
                        input,
                        t -> eightChannels.test(t) && t.shape().elements() > 8,
                        t -> engine.batchNorm(t, norm, true, false)),
                one("batchNorm, frozen", input, eightChannels, t -> engine.batchNorm(t, norm, false, true)),
                two(
                        "batchNormGradient",
                        activation(2, 8, 4, 4),
                        input,
                        t -> engine.batchNormGradient(t.get(0), t.get(1), normalised)),
                two(
                        "batchNormGradient, frozen",
                        activation(2, 8, 4, 4),
                        input,
                        t -> engine.batchNormGradient(t.get(0), t.get(1), frozenNorm)),
                one(
                        "normalisedConvolution",
                        images,
                        convolved,
                        t -> engine.normalisedConvolution(t, weight, GEOMETRY, outputs, null, true, true)),
                new Operation(
                        "normalisedConvolution and residual",
                        List.of(images, output),
                        List.of(sameImages, NOTHING_ELSE),
                        t -> engine.normalisedConvolution(t.get(0), weight, GEOMETRY, outputs, t.get(1), true, false)),
                new Operation(
                        "normalisedConvolutionGradient",
                        List.of(activation(2, 16, 4, 4), images),
                        List.of(NOTHING_ELSE, sameImages),
                        t -> engine.normalisedConvolutionGradient(t.get(0), t.get(1), both, true, null)),
                new Operation(
                        "normalisedConvolutionGradient and sum",
                        List.of(activation(2, 16, 4, 4), images, activation(2, 8, 4, 4)),
                        List.of(NOTHING_ELSE, sameImages, NOTHING_ELSE),
                        t -> engine.normalisedConvolutionGradient(t.get(0), t.get(1), both, true, t.get(2))),
                two("add", input, activation(2, 8, 4, 4), t -> engine.add(t.get(0), t.get(1))),
                one("relu", input, EngineOperations::elementwise, engine::relu),
                one("flatten", images, t -> t.shape().rank() == 4, engine::flatten),
                one("unflatten", rowMajor(2, 128), NOTHING_ELSE, t -> engine.unflatten(t, input.shape())),
                two("addRelu", input, activation(2, 8, 4, 4), t -> engine.addRelu(t.get(0), t.get(1))),
                two("reluGradient", input, activation(2, 8, 4, 4), t -> engine.reluGradient(t.get(0), t.get(1))),
                one("averagePool", input, activation, engine::averagePool),
                one(
                        "averagePool over a grid",
                        input,
                        t -> activation.test(t)
                                && t.shape().extent(2) > 1
                                && t.shape().extent(3) > 1,
                        t -> engine.averagePool(t, 2)),
                one(
                        "averagePoolGradient",
                        rowMajor(2, 8),
                        NOTHING_ELSE,
                        t -> engine.averagePoolGradient(t, input.shape())),
                one(
                        "maxPool",
                        input,
                        t -> activation.test(t)
                                && t.shape().extent(2) > 1
                                && t.shape().extent(3) > 1,
                        t -> engine.maxPool(t, POOLING)),
                new Operation(
                        "maxPoolGradient",
                        List.of(pooled, input),
                        List.of(NOTHING_ELSE, NOTHING_ELSE),
                        t -> engine.maxPoolGradient(t.get(0), t.get(1), maxima)),
                one("concurrently", images, ANY, t -> engine.concurrently(t, () -> engine.allocate(Shape.of(1)))),
                one("frozen convolution", images, convolved, t -> frozen.apply(t, null, true)),
                new Operation(
                        "frozen convolution and residual",
                        List.of(images, activation(2, 16, 4, 4)),
                        List.of(sameImages, NOTHING_ELSE),
                        t -> frozen.apply(t.get(0), t.get(1), false)));
    }

    private static boolean elementwise(Tensor tensor) {
        int rank = tensor.shape().rank();
        return rank == 2 || rank == 4;
    }

    private List<Operation> rows() {
        Tensor matrix = rowMajor(2, 3);
        Parameter weight = parameter("fc", Shape.of(4, 3));
        Parameter bias = parameter("bias", Shape.of(4));
        Table table = open(engine.table(4, 3));
        table.put(0, rowMajor(4, 3));
        Predicate<Tensor> threeColumns = t -> t.layout() == Tensor.Layout.ROW_MAJOR
                && t.shape().rank() == 2
                && t.shape().extent(1) == 3
                && t.shape().elements() > 0;
        return List.of(
                one("linear", matrix, threeColumns, t -> engine.linear(t, weight, bias)),
                two(
                        "linearGradient",
                        rowMajor(2, 4),
                        matrix,
                        t -> engine.linearGradient(t.get(0), t.get(1), weight, bias)),
                two("addScaled", rowMajor(2, 3), matrix, t -> engine.addScaled(t.get(0), 2, t.get(1))),
                two(
                        "addScaled, activations",
                        activation(2, 8, 4, 4),
                        activation(2, 8, 4, 4),
                        t -> engine.addScaled(t.get(0), 1, t.get(1))),
                two("add, matrices", rowMajor(2, 3), matrix, t -> engine.add(t.get(0), t.get(1))),
                two("addRelu, matrices", rowMajor(2, 3), matrix, t -> engine.addRelu(t.get(0), t.get(1))),
                two("reluGradient, matrices", rowMajor(2, 3), matrix, t -> engine.reluGradient(t.get(0), t.get(1))),
                one("scaled", matrix, ANY, t -> engine.scaled(2, t)),
                one(
                        "columns",
                        matrix,
                        t -> t.layout() == Tensor.Layout.ROW_MAJOR
                                && t.shape().rank() == 2
                                && t.shape().extent(1) >= 2,
                        t -> engine.columns(t, new ClassRange(1, 2))),
                new Operation(
                        "chosenRows",
                        List.of(engine.tensor(Shape.of(2, 2), new float[] {1, 0, 0, 1}), matrix, rowMajor(2, 3)),
                        List.of(NOTHING_ELSE, NOTHING_ELSE, NOTHING_ELSE),
                        t -> engine.chosenRows(t.get(0), t.subList(1, 3))),
                one(
                        "part",
                        matrix,
                        t -> t.layout() == Tensor.Layout.ROW_MAJOR
                                && t.shape().rank() > 0
                                && t.shape().extent(0) >= 2,
                        t -> engine.part(t, 1, 2)),
                new Operation(
                        "stacked",
                        List.of(matrix, rowMajor(4, 3)),
                        List.of(t -> stacks(t), t -> stacks(t)),
                        engine::stacked),
                one("put", matrix, t -> stacks(t) && t.shape().extent(0) <= 3, t -> table.put(1, t)));
    }

    private static boolean stacks(Tensor t) {
        return t.layout() == Tensor.Layout.ROW_MAJOR
                && t.shape().rank() == 2
                && t.shape().extent(1) == 3;
    }

    private List<Operation> losses() {
        Tensor logits = rowMajor(2, 3);
        int[] labels = {0, 2};
        TeacherLoss kl = open(engine.multiTeacherKl(2, 3, List.of(new ClassRange(0, 1), CLASSES), 2));
        TeacherLoss mse = open(engine.featureMse(2, 3, 2));
        Matrices matrices = open(engine.matrices());
        Matrix constants = matrices.row(new double[] {Double.NaN, 1, Double.NaN});
        Predicate<Tensor> moreColumns = t -> t.layout() == Tensor.Layout.ROW_MAJOR
                && t.shape().rank() == 2
                && t.shape().extent(0) == 2
                && t.shape().extent(1) >= 3;
        Predicate<Tensor> matrix =
                t -> t.layout() == Tensor.Layout.ROW_MAJOR && t.shape().rank() == 2;
        Predicate<Tensor> moreRows =
                t -> matrix.test(t) && t.shape().extent(0) >= 2 && t.shape().extent(1) == 2;
        return List.of(
                one("softmaxCrossEntropy", logits, moreColumns, t -> engine.softmaxCrossEntropy(t, labels, CLASSES)),
                new Operation(
                        "sigmoidCrossEntropy",
                        List.of(logits, rowMajor(2, 2)),
                        List.of(
                                moreColumns,
                                t -> matrix.test(t)
                                        && t.shape().extent(0) == 2
                                        && t.shape().extent(1) <= 3),
                        t -> engine.sigmoidCrossEntropy(t.get(0), labels, t.get(1))),
                new Operation(
                        "multiTeacherKl",
                        List.of(logits, rowMajor(2, 1), rowMajor(2, 3), rowMajor(2, 2)),
                        List.of(NOTHING_ELSE, NOTHING_ELSE, NOTHING_ELSE, moreRows),
                        t -> kl.of(t.get(0), t.subList(1, 3), t.get(3))),
                new Operation(
                        "featureMse",
                        List.of(logits, rowMajor(2, 3), rowMajor(2, 3), rowMajor(2, 2)),
                        List.of(NOTHING_ELSE, NOTHING_ELSE, NOTHING_ELSE, moreRows),
                        t -> mse.of(t.get(0), t.subList(1, 3), t.get(3))),
                one("matrices", logits, matrix, matrices::of),
                one(
                        "matrices with constants",
                        logits,
                        t -> matrix.test(t) && t.shape().extent(1) == 3,
                        t -> matrices.of(t, constants)));
    }

    private static Operation one(String name, Tensor tensor, Predicate<Tensor> takes, Consumer<Tensor> call) {
        return new Operation(name, List.of(tensor), List.of(takes), t -> call.accept(t.getFirst()));
    }

    private static Operation two(String name, Tensor a, Tensor b, Consumer<List<Tensor>> does) {
        return new Operation(name, List.of(a, b), List.of(NOTHING_ELSE, NOTHING_ELSE), does);
    }

    /** Calls that are wrong in something else than a tensor. */
    Map<String, Executable> wrongCalls() {
        Map<String, Executable> calls = new TreeMap<>();
        Tensor images = rowMajor(2, 8, 4, 4);
        Tensor input = activation(2, 8, 4, 4);
        Tensor output = activation(2, 16, 4, 4);
        Tensor matrix = rowMajor(2, 3);
        Parameter conv = parameter("conv", GEOMETRY.weightShape());
        Parameter thin = parameter("thin", Shape.of(16, 8, 1, 1));
        Parameter fc = parameter("fc", Shape.of(4, 3));
        Parameter bias = parameter("bias", Shape.of(4));
        calls.put("tensor of too few values", () -> engine.tensor(Shape.of(2, 3), new float[5]));
        calls.put("wrap of too few bytes", () -> engine.wrap(Shape.of(4), floats(3)));
        calls.put("convolution by another weight", () -> engine.convolution(images, thin, GEOMETRY));
        calls.put(
                "input gradient by another weight",
                () -> engine.convolutionInputGradient(output, thin, GEOMETRY, input.shape()));
        calls.put(
                "input gradient of other images",
                () -> engine.convolutionInputGradient(output, conv, GEOMETRY, Shape.of(2, 8, 5, 4)));
        calls.put(
                "input gradient of a matrix",
                () -> engine.convolutionInputGradient(output, conv, GEOMETRY, Shape.of(2, 8)));
        calls.put(
                "weight gradient of another weight",
                () -> engine.convolutionWeightGradient(images, output, thin, GEOMETRY));
        calls.put("batch norm of other channels", () -> engine.batchNorm(input, norm(16), true, true));
        calls.put(
                "normalised convolution by another weight",
                () -> engine.normalisedConvolution(images, thin, GEOMETRY, norm(16), null, true, true));
        calls.put(
                "normalised convolution of other channels",
                () -> engine.normalisedConvolution(images, conv, GEOMETRY, norm(8), null, true, true));
        BatchNorm.Normalised normalised = engine.batchNorm(input, norm(8), true, false);
        calls.put(
                "batch norm gradient of other moments",
                () -> engine.batchNormGradient(
                        input,
                        input,
                        new BatchNorm.Normalised(
                                normalised.output(), rowMajor(4), normalised.variance(), null, false, norm(8))));
        calls.put(
                "batch norm gradient of another norm",
                () -> engine.batchNormGradient(
                        input, input, new BatchNorm.Normalised(normalised.output(), null, null, null, true, norm(4))));
        calls.put(
                "batch norm of mixed channels",
                () -> new BatchNorm(
                        parameter("scale", Shape.of(8)),
                        parameter("shift", Shape.of(4)),
                        ones("mean", Shape.of(8)),
                        ones("variance", Shape.of(8))));
        calls.put(
                "average pool gradient of a vector",
                () -> engine.averagePoolGradient(rowMajor(2, 8), Shape.of(2, 8, 4)));
        calls.put("average pool over no grid", () -> engine.averagePool(input, 0));
        calls.put("average pool over too fine a grid", () -> engine.averagePool(input, 5));
        calls.put("unflatten to a matrix", () -> engine.unflatten(rowMajor(2, 8), Shape.of(2, 8)));
        calls.put("maximum pool over too much", () -> engine.maxPool(input, new MaxPooling(5, 1, 0)));
        calls.put("linear by an image's weight", () -> engine.linear(matrix, conv, bias));
        calls.put("linear by another weight", () -> engine.linear(matrix, parameter("w", Shape.of(4, 2)), bias));
        calls.put("linear with another bias", () -> engine.linear(matrix, fc, parameter("b", Shape.of(3))));
        calls.put("linear with a bias of rows", () -> engine.linear(matrix, fc, parameter("b", Shape.of(2, 2))));
        calls.put(
                "linear gradient with another bias",
                () -> engine.linearGradient(rowMajor(2, 4), matrix, fc, parameter("b", Shape.of(3))));
        calls.put("no columns", () -> engine.columns(matrix, new ClassRange(1, 1)));
        calls.put("columns that are not there", () -> engine.columns(matrix, new ClassRange(2, 4)));
        calls.put("no rows to choose", () -> require(0, () -> engine.chosenRows(matrix, List.of())));
        calls.put("an empty part", () -> engine.part(matrix, 1, 1));
        calls.put("a part that is not there", () -> engine.part(matrix, 1, 3));
        calls.put("nothing to stack", () -> require(0, () -> engine.stacked(List.of())));
        calls.put("too few labels", () -> engine.softmaxCrossEntropy(matrix, new int[1], CLASSES));
        calls.put("a label outside", () -> engine.softmaxCrossEntropy(matrix, new int[] {0, 2}, new ClassRange(0, 2)));
        calls.put("a negative label", () -> engine.softmaxCrossEntropy(matrix, new int[] {0, -1}, CLASSES));
        calls.put("classes outside", () -> engine.softmaxCrossEntropy(matrix, new int[2], new ClassRange(0, 4)));
        calls.put("sigmoid label outside", () -> engine.sigmoidCrossEntropy(matrix, new int[] {0, 3}, null));
        calls.put("sigmoid of too many labels", () -> engine.sigmoidCrossEntropy(matrix, new int[3], null));
        wrongKernels(calls);
        wrongMatrices(calls);
        wrongFrozen(calls);
        return calls;
    }

    /** Sentences about nothing have no value to show: one is added for the comparison. */
    private static void require(int value, Runnable call) {
        try {
            call.run();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage() + ": " + value, e);
        }
    }

    private void wrongKernels(Map<String, Executable> calls) {
        Tensor matrix = rowMajor(2, 3);
        calls.put("KL of no rows", () -> engine.multiTeacherKl(0, 3, List.of(CLASSES), 1));
        calls.put("KL of no classes", () -> engine.multiTeacherKl(2, 0, List.of(), 1));
        calls.put("KL of classes outside", () -> engine.multiTeacherKl(2, 3, List.of(new ClassRange(1, 4)), 1));
        calls.put("KL of an empty range", () -> engine.multiTeacherKl(2, 3, List.of(new ClassRange(1, 1)), 1));
        calls.put("KL at no temperature", () -> engine.multiTeacherKl(2, 3, List.of(CLASSES), 0));
        calls.put("MSE of no rows", () -> engine.featureMse(0, 3, 1));
        calls.put("MSE of no features", () -> engine.featureMse(1, 0, 1));
        calls.put("MSE of less than no teachers", () -> engine.featureMse(1, 3, -1));
        TeacherLoss mse = open(engine.featureMse(2, 3, 2));
        Tensor weights = rowMajor(2, 2);
        calls.put("MSE with too few teachers", () -> mse.of(matrix, List.of(matrix), weights));
        calls.put("MSE with too many teachers", () -> mse.of(matrix, List.of(matrix, matrix, matrix), weights));
        calls.put(
                "MSE of too many rows",
                () -> mse.of(rowMajor(3, 3), List.of(rowMajor(3, 3), rowMajor(3, 3)), rowMajor(3, 2)));
        calls.put("a table of no rows", () -> engine.table(0, 3));
        calls.put("a table of no width", () -> engine.table(3, 0));
        Table table = open(engine.table(4, 3));
        table.put(0, rowMajor(4, 3));
        calls.put("rows before a table", () -> table.put(-1, matrix));
        calls.put("rows behind a table", () -> table.put(3, matrix));
        calls.put("rows far behind a table", () -> table.put(Integer.MAX_VALUE, matrix));
        calls.put("a row that is not there", () -> table.gather(new int[] {0, 4}));
        calls.put("a negative row", () -> table.gather(new int[] {-1}));
        Mirror four = new Mirror(floats(4));
        calls.put("a target without a source", () -> engine.movingAverage(List.of(four), List.of(), new float[1]));
        calls.put(
                "a source of another size",
                () -> engine.movingAverage(List.of(four), List.of(new Mirror(floats(3))), new float[1]));
        calls.put("a share above 1", () -> engine.movingAverage(List.of(four), List.of(four), new float[] {1.5f}));
        calls.put("a share of NaN", () -> engine.movingAverage(List.of(four), List.of(four), new float[] {Float.NaN}));
    }

    private void wrongMatrices(Map<String, Executable> calls) {
        Matrices on = open(engine.matrices());
        Matrix wide = on.of(rowMajor(2, 3));
        Matrix high = wide.transposed();
        Matrix elsewhere = open(engine.matrices()).of(rowMajor(2, 3));
        Matrix.Unit unit = wide.unitRows();
        calls.put("no product", () -> wide.times(wide));
        calls.put("a product of other Matrices", () -> high.times(elsewhere));
        calls.put("a sum of two sizes", () -> wide.plus(1, high));
        calls.put("a sum of other Matrices", () -> wide.plus(1, elsewhere));
        calls.put("a dot product of two sizes", () -> wide.dot(high));
        calls.put("one above another of another width", () -> wide.above(high));
        calls.put("no rows", () -> wide.rows(1, 1));
        calls.put("rows that are not there", () -> wide.rows(1, 3));
        calls.put("a gradient of another size", () -> wide.softmax().softmaxGradient(high));
        calls.put("a divergence of two sizes", () -> wide.softmax().divergence(high));
        calls.put("a log loss of too few labels", () -> wide.softmax().logLoss(new int[1]));
        calls.put("a log loss of a label outside", () -> wide.softmax().logLoss(new int[] {0, 3}));
        calls.put("a margin of a column outside", () -> wide.margin(new int[] {0}, new int[] {3}, 0.1, false));
        calls.put("a margin of no columns", () -> wide.margin(new int[0], new int[] {1}, 0.1, true));
        calls.put("a covariance that is not square", () -> wide.spread(1, 1e-4, 1, 1));
        calls.put("a unit gradient of another size", () -> unit.gradient(high));
        calls.put("lengths of another size", () -> new Matrix.Unit(unit.rows(), high).gradient(wide));
        calls.put("constants of another size", () -> on.of(rowMajor(2, 3), on.row(new double[2])));
        calls.put("constants of several rows", () -> wide.toTensor(wide));
        calls.put("the highest of two sizes", () -> on.argMax(List.of(wide, high), null));
        calls.put("the highest at too few columns", () -> on.argMax(List.of(wide), new int[1]));
        calls.put("the highest at a column outside", () -> on.argMax(List.of(wide), new int[] {0, 3}));
    }

    private void wrongFrozen(Map<String, Executable> calls) {
        MemorySegment weight = floats(16 * 8 * 9);
        calls.put("frozen of too few weights", () -> engine.freeze(GEOMETRY, floats(16 * 8), floats(16)));
        calls.put("frozen of too many biases", () -> engine.freeze(GEOMETRY, weight, floats(17)));
        Parameter present = parameter("conv", GEOMETRY.weightShape());
        SnapshotMask mask = new SnapshotMask(new Mirror(arena.allocate(16 * 8 * 9, 64)), 1, 1);
        SnapshotMask small = new SnapshotMask(new Mirror(arena.allocate(8, 64)), 1, 1);
        calls.put("rebuilt from a small mask", () -> engine.freeze(GEOMETRY, present, small, floats(16), floats(16)));
        calls.put("rebuilt with too few scales", () -> engine.freeze(GEOMETRY, present, mask, floats(15), floats(16)));
        calls.put("rebuilt with too few biases", () -> engine.freeze(GEOMETRY, present, mask, floats(16), floats(15)));
        calls.put(
                "rebuilt from another weight",
                () -> engine.freeze(GEOMETRY, parameter("w", Shape.of(16, 8)), mask, floats(16), floats(16)));
        Convolution.Frozen frozen = open(engine.freeze(GEOMETRY, weight, floats(16)));
        Tensor images = rowMajor(2, 8, 4, 4);
        Tensor shared = activation(2, 16, 4, 4).retain();
        calls.put("a residual that somebody holds", () -> frozen.apply(images, shared, true));
    }
}
