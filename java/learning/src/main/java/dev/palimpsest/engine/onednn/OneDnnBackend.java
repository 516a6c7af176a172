package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.engine.MovingAverage;
import dev.palimpsest.engine.Table;
import dev.palimpsest.engine.TeacherLoss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.SnapshotReconstruction;
import dev.palimpsest.kernel.passes.Elementwise;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Layers on oneDNN. Primitives are built once per shape and then only run, until {@link #trim} or the engine's end.
 */
final class OneDnnBackend extends OneDnnContext implements Backend {
    private final CpuConvolutions convolutions = new CpuConvolutions(this);
    private final Map<CpuConvolution.Key, CpuNormalisedConvolution> normalisedConvolutions = new HashMap<>();
    private final Map<Shape, CpuBatchNorm> norms = new HashMap<>();
    private final Map<CpuLinear.Key, CpuLinear> linears = new HashMap<>();
    private final Map<Shape, CpuReorder> reorders = new HashMap<>();
    private final Map<CpuPooling.Key, CpuPooling> poolings = new HashMap<>();
    private final Map<CpuMaxPooling.Key, CpuMaxPooling> maxPoolings = new HashMap<>();
    private final Map<FrozenPrimitives.Kind, FrozenPrimitives> frozenPrimitives = new HashMap<>();
    /** One thread: weights are rebuilt once per experience, in less time than a training step. */
    private final SnapshotReconstruction reconstruction = new SnapshotReconstruction(1);

    OneDnnBackend(int threads) {
        super(threads);
    }

    @Override
    public String description() {
        return "oneDNN " + dnn().version() + " with " + dnn().isa() + ", " + threads()
                + (threads() == 1 ? " thread" : " threads");
    }

    /** A copy, which no other thread can free while oneDNN reads it; a thousandth of a convolution's time. */
    @Override
    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        Tensor copy = allocate(shape);
        MemorySegment.copy(rowMajor, 0, copy.data(), 0, shape.bytes());
        return copy;
    }

    @Override
    public float[] toArray(Tensor tensor) {
        if (tensor.layout() == Tensor.Layout.ROW_MAJOR) {
            return rowMajorArray(tensor);
        }
        MemorySegment plain = take(tensor.shape().bytes());
        reorder(tensor.shape()).toRowMajor(tensor, plain);
        float[] values = plain.toArray(JAVA_FLOAT);
        workspace().give(plain);
        return values;
    }

    @Override
    public Tensor convolution(Tensor images, Parameter weight, Convolution geometry) {
        CpuConvolution.Key batch = key(images, weight, geometry);
        Tensor result = activation(geometry.outputShape(images.shape()));
        run(
                CpuConvolution.chunks(geometry, images.shape()),
                count -> convolutions.of(batch, count).readyForward(),
                (layer, begin, thread) -> layer.forward(thread, address(images, begin), address(result, begin)));
        return result;
    }

    @Override
    public Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images) {
        CpuConvolution.Key batch = new CpuConvolution.Key(weight, geometry, images, Tensor.Layout.ENGINE);
        Tensor result = activation(images);
        run(
                CpuConvolution.chunks(geometry, images),
                count -> convolutions.of(batch, count).readyInputGradient(),
                (layer, begin, thread) ->
                        layer.inputGradient(thread, address(gradient, begin), address(result, begin)));
        return result;
    }

    @Override
    public void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry) {
        CpuWeightGradient sum = new CpuWeightGradient(this, convolutions, key(images, weight, geometry), images);
        Chunks chunks = sum.chunks();
        run(chunks, (chunk, thread) -> sum.part(chunk, thread, address(gradient, chunks.begin(chunk))));
        sum.finish();
    }

    @Override
    public BatchNorm.Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        return norm(input.shape()).forward(input, norm, relu, frozen);
    }

    @Override
    public Tensor batchNormGradient(Tensor gradient, Tensor input, BatchNorm.Normalised forward) {
        return norm(input.shape()).backward(gradient, input, forward);
    }

    private CpuBatchNorm norm(Shape images) {
        return norms.computeIfAbsent(images, shape -> new CpuBatchNorm(this, shape));
    }

    @Override
    public Convolution.Normalised normalisedConvolution(
            Tensor images,
            Parameter weight,
            Convolution geometry,
            BatchNorm norm,
            @Nullable Tensor residual,
            boolean relu,
            boolean frozen) {
        return normalisedConvolution(images, weight, geometry).forward(images, norm, residual, relu, frozen);
    }

    @Override
    public @Nullable Tensor normalisedConvolutionGradient(
            Tensor gradient, Tensor images, Convolution.Normalised forward, boolean wanted, @Nullable Tensor sum) {
        CpuNormalisedConvolution fused = normalisedConvolution(images, forward.weight(), forward.geometry());
        return fused.sharesChunks()
                ? fused.backward(gradient, images, forward, wanted, sum)
                : Backend.super.normalisedConvolutionGradient(gradient, images, forward, wanted, sum);
    }

    private CpuNormalisedConvolution normalisedConvolution(Tensor images, Parameter weight, Convolution geometry) {
        return normalisedConvolutions.computeIfAbsent(
                key(images, weight, geometry),
                key -> new CpuNormalisedConvolution(
                        this, convolutions, norm(geometry.outputShape(images.shape())), key));
    }

    private static CpuConvolution.Key key(Tensor batch, Parameter weight, Convolution geometry) {
        return new CpuConvolution.Key(weight, geometry, batch.shape(), batch.layout());
    }

    @Override
    public Tensor addRelu(Tensor a, Tensor b) {
        return elementwise(Elementwise.Operation.ADD_RELU, a, b);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return elementwise(Elementwise.Operation.ADD, a, b);
    }

    @Override
    public Tensor relu(Tensor x) {
        return elementwise(Elementwise.Operation.RELU, x, x);
    }

    @Override
    public Tensor flatten(Tensor images) {
        Tensor rows = allocate(Shape.of(
                images.shape().extent(0),
                Math.toIntExact(images.shape().elements() / images.shape().extent(0))));
        if (images.layout() == Tensor.Layout.ROW_MAJOR) {
            MemorySegment.copy(images.data(), 0, rows.data(), 0, images.shape().bytes());
        } else {
            reorder(images.shape()).toRowMajor(images, rows.data());
        }
        return rows;
    }

    @Override
    public Tensor unflatten(Tensor rows, Shape images) {
        Tensor result = activation(images);
        reorder(images).fromRowMajor(rows.data(), result);
        return result;
    }

    @Override
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        return elementwise(Elementwise.Operation.RELU_GRADIENT, gradient, output);
    }

    private CpuReorder reorder(Shape shape) {
        return reorders.computeIfAbsent(shape, key -> new CpuReorder(this, key));
    }

    @Override
    public Tensor averagePool(Tensor images, int grid) {
        int rows = images.shape().extent(0);
        int channels = images.shape().extent(1);
        // One position is left, so the blocked order of the result is the order of a row-major matrix.
        Tensor means =
                grid == 1 ? allocate(Shape.of(rows, channels)) : activation(Shape.of(rows, channels, grid, grid));
        run(
                passes(images.shape()),
                count -> pooling(count, images.shape(), grid),
                (layer, begin, thread) -> layer.forward(thread, address(images, begin), address(means, begin)));
        if (grid == 1) {
            return means;
        }
        Tensor flat = flatten(means);
        free(means);
        return flat;
    }

    @Override
    public Tensor averagePoolGradient(Tensor gradient, Shape images) {
        Tensor result = activation(images);
        run(
                passes(images),
                count -> pooling(count, images, 1),
                (layer, begin, thread) -> layer.backward(thread, address(gradient, begin), address(result, begin)));
        return result;
    }

    private CpuPooling pooling(int count, Shape images, int grid) {
        return poolings.computeIfAbsent(
                new CpuPooling.Key(images(count, images), grid), key -> new CpuPooling(this, key));
    }

    @Override
    public MaxPooling.Pooled maxPool(Tensor images, MaxPooling geometry) {
        Chunks chunks = passes(images.shape());
        Tensor maxima = activation(geometry.outputShape(images.shape()));
        long apart = apart(chunks, images.shape(), geometry);
        Shape words = Shape.of(Math.toIntExact(apart * chunks.count() / Float.BYTES));
        Tensor positions = tensor(words, Tensor.Layout.ENGINE);
        run(
                chunks,
                count -> maxPooling(count, images.shape(), geometry),
                (layer, begin, thread) -> layer.forward(
                        thread,
                        address(images, begin),
                        address(maxima, begin),
                        positions.data().address() + begin / chunks.each() * apart));
        return new MaxPooling.Pooled(maxima, positions, geometry);
    }

    @Override
    public Tensor maxPoolGradient(Tensor gradient, Tensor images, MaxPooling.Pooled forward) {
        Chunks chunks = passes(images.shape());
        MaxPooling geometry = forward.geometry();
        long apart = apart(chunks, images.shape(), geometry);
        MemorySegment positions = Objects.requireNonNull(forward.positions()).data(); // forward keeps them
        if (positions.byteSize() != apart * chunks.count()) {
            throw new IllegalArgumentException("maximum pooling's positions have " + positions.byteSize()
                    + " bytes, expected the " + apart * chunks.count() + " of what maxPool gave for these images");
        }
        Tensor result = activation(images.shape());
        run(
                chunks,
                count -> maxPooling(count, images.shape(), geometry),
                (layer, begin, thread) -> layer.backward(
                        thread,
                        address(gradient, begin),
                        positions.address() + begin / chunks.each() * apart,
                        address(result, begin)));
        return result;
    }

    /** Bytes from one chunk's positions to the next one's: whole lines of the cache, which threads must not share. */
    private long apart(Chunks chunks, Shape images, MaxPooling geometry) {
        long bytes = maxPooling(chunks.each(), images, geometry).workspaceBytes();
        return lines(bytes);
    }

    private CpuMaxPooling maxPooling(int count, Shape images, MaxPooling geometry) {
        return maxPoolings.computeIfAbsent(
                new CpuMaxPooling.Key(images(count, images), geometry), key -> new CpuMaxPooling(this, key));
    }

    @Override
    public Tensor linear(Tensor input, Parameter weight, Parameter bias) {
        Tensor result =
                allocate(Shape.of(input.shape().extent(0), weight.shape().extent(0)));
        run(
                chunks(input, weight),
                rows -> linear(rows, weight).readyForward(),
                (layer, begin, thread) ->
                        layer.forward(thread, address(input, begin), weight, bias, address(result, begin)));
        return result;
    }

    @Override
    public Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        Tensor result = allocate(input.shape());
        run(
                chunks(input, weight),
                rows -> linear(rows, weight).readyInputGradient(),
                (layer, begin, thread) ->
                        layer.inputGradient(thread, address(gradient, begin), weight, address(result, begin)));
        linear(input.shape().extent(0), weight).parameterGradients(gradient, input, weight, bias);
        return result;
    }

    private static Chunks chunks(Tensor input, Parameter weight) {
        return Chunks.of(input.shape().extent(0), 2L * weight.size());
    }

    private CpuLinear linear(int rows, Parameter weight) {
        return linears.computeIfAbsent(
                new CpuLinear.Key(rows, weight.shape().extent(1), weight.shape().extent(0)),
                key -> new CpuLinear(this, key));
    }

    @Override
    public void addScaled(Tensor target, float factor, Tensor source) {
        if (factor == 1) {
            elementwise(Elementwise.Operation.ADD, target, source, target);
        } else {
            add(target.data(), factor, source.data());
        }
    }

    /** Added to zeros: −0 becomes +0, and the sum has the rounding of {@link #addScaled}. */
    @Override
    public Tensor scaled(float factor, Tensor source) {
        Tensor result = source.layout() == Tensor.Layout.ENGINE ? activation(source.shape()) : allocate(source.shape());
        result.data().fill((byte) 0);
        addScaled(result, factor, source);
        return result;
    }

    @Override
    public Tensor columns(Tensor matrix, ClassRange columns) {
        int rows = matrix.shape().extent(0);
        long width = matrix.shape().extent(1);
        Tensor result = allocate(Shape.of(rows, columns.size()));
        long bytes = (long) columns.size() * Float.BYTES;
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(
                    matrix.data(), (row * width + columns.begin()) * Float.BYTES, result.data(), row * bytes, bytes);
        }
        return result;
    }

    @Override
    public Loss softmaxCrossEntropy(Tensor logits, int[] labels, ClassRange classes) {
        return CpuClassification.softmax(this, logits, labels, classes);
    }

    @Override
    public Loss sigmoidCrossEntropy(Tensor logits, int[] labels, @Nullable Tensor last) {
        return CpuClassification.sigmoid(this, logits, labels, last);
    }

    @Override
    public TeacherLoss multiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, float temperature) {
        return CpuTeacherLoss.kl(this, maxRows, classes, ranges, temperature);
    }

    @Override
    public TeacherLoss featureMse(int maxRows, int dims, int teachers) {
        return CpuTeacherLoss.mse(this, maxRows, dims, teachers);
    }

    @Override
    public Matrices matrices() {
        return new CpuMatrices(this);
    }

    @Override
    public Tensor chosenRows(Tensor oneHot, List<Tensor> matrices) {
        Tensor result = allocate(matrices.getFirst().shape());
        int of = matrices.size();
        long bytes = (long) result.shape().extent(1) * Float.BYTES;
        for (int i = 0; i < oneHot.shape().elements(); i++) {
            if (oneHot.data().getAtIndex(JAVA_FLOAT, i) != 0) {
                MemorySegment.copy(matrices.get(i % of).data(), i / of * bytes, result.data(), i / of * bytes, bytes);
            }
        }
        return result;
    }

    @Override
    public Tensor part(Tensor tensor, int begin, int end) {
        int[] extents = tensor.shape().extents();
        long bytes = tensor.shape().bytes() / Math.max(1, extents[0]);
        extents[0] = end - begin;
        Tensor result = allocate(Shape.of(extents));
        MemorySegment.copy(tensor.data(), begin * bytes, result.data(), 0, (end - begin) * bytes);
        return result;
    }

    @Override
    public Tensor stacked(List<Tensor> tensors, Shape shape) {
        Tensor result = allocate(shape);
        long at = 0;
        for (Tensor tensor : tensors) {
            MemorySegment.copy(
                    tensor.data(), 0, result.data(), at, tensor.shape().bytes());
            at += tensor.shape().bytes();
        }
        return result;
    }

    @Override
    public Table table(int rows, int width) {
        return new CpuTable(this, rows, width);
    }

    @Override
    public Optimiser.Loops optimiserLoops(UpdateRule rule) {
        return Optimiser.Loops.onHost(rule);
    }

    @Override
    public MovingAverage movingAverage(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        return new CpuMovingAverage(targets, sources, kept);
    }

    @Override
    public int stepsAhead() {
        return 0;
    }

    @Override
    public <T> T concurrently(Tensor images, Supplier<T> work) {
        return work.get();
    }

    @Override
    public Convolution.Frozen freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        return new CpuFrozenConvolution(this, frozenPrimitives, geometry, weight, bias);
    }

    @Override
    public Convolution.Frozen freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment weight = temporary.allocate(present.shape().bytes(), 64);
            reconstruction.apply(
                    present.size(),
                    present.read(),
                    mask.planes().read(),
                    mask.planeCount(),
                    mask.step(),
                    scale,
                    present.size() / geometry.outputs(),
                    weight);
            return freeze(geometry, weight, bias);
        }
    }

    @Override
    public void trim() {
        for (Map<?, ? extends AutoCloseable> built :
                List.of(normalisedConvolutions, norms, linears, reorders, poolings, maxPoolings)) {
            built.values().forEach(OneDnnBackend::close);
            built.clear();
        }
        convolutions.clear();
        super.trim();
    }

    private static void close(AutoCloseable built) {
        try {
            built.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        trim();
        reconstruction.close();
        super.close();
    }
}
