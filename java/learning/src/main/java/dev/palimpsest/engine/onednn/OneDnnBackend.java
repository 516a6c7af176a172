package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.MatrixBackend;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.SnapshotReconstruction;
import dev.palimpsest.optim.OptimiserLoops;
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
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Layers on oneDNN. Primitives are built once per shape and then only run. Those of a parameter are kept until the
 * engine closes, so an engine should live as long as one run's networks and not longer.
 */
final class OneDnnBackend extends OneDnnContext implements Backend {
    private final Map<CpuConvolution.Key, CpuConvolution> convolutions = new HashMap<>();
    private final Map<CpuBatchNorm.Key, CpuBatchNorm> norms = new HashMap<>();
    private final Map<CpuLinear.Key, CpuLinear> linears = new HashMap<>();
    private final Map<Described, CpuElementwise> elementwise = new HashMap<>();
    private final Map<Shape, CpuPooling> poolings = new HashMap<>();
    private final Map<CpuMaxPooling.Key, CpuMaxPooling> maxPoolings = new HashMap<>();
    /** One thread: weights are rebuilt once per experience, in less time than a training step. */
    private final SnapshotReconstruction reconstruction = new SnapshotReconstruction(1);

    OneDnnBackend(int threads) {
        super(threads);
    }

    @Override
    public String description() {
        return "oneDNN " + dnn().version() + (hasAvx512() ? " with AVX-512" : "") + ", " + threads()
                + (threads() == 1 ? " thread" : " threads");
    }

    @Override
    public float[] toArray(Tensor tensor) {
        if (tensor.layout() == Tensor.Layout.ROW_MAJOR) {
            return rowMajorArray(tensor);
        }
        MemorySegment plain = take(tensor.shape().bytes());
        elementwise(tensor).toRowMajor(tensor, plain);
        float[] values = plain.toArray(JAVA_FLOAT);
        workspace().give(plain);
        return values;
    }

    @Override
    public Tensor convolution(Tensor images, Parameter weight, Convolution geometry) {
        return convolution(weight, geometry, images.shape(), images.layout()).forward(images);
    }

    @Override
    public Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images) {
        return convolution(weight, geometry, images, Tensor.Layout.ENGINE).inputGradient(gradient);
    }

    @Override
    public void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry) {
        convolution(weight, geometry, images.shape(), images.layout()).weightGradient(images, gradient);
    }

    private CpuConvolution convolution(Parameter weight, Convolution geometry, Shape images, Tensor.Layout layout) {
        return convolutions.computeIfAbsent(
                new CpuConvolution.Key(weight, geometry, images, layout), key -> new CpuConvolution(this, key));
    }

    @Override
    public Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        return norm(input.shape(), relu, frozen).forward(input, norm);
    }

    @Override
    public Tensor batchNormGradient(Tensor gradient, Tensor input, Normalised forward, BatchNorm norm) {
        return norm(input.shape(), forward.passed() != null, forward.frozen()).backward(gradient, input, forward, norm);
    }

    private CpuBatchNorm norm(Shape images, boolean relu, boolean frozen) {
        return norms.computeIfAbsent(new CpuBatchNorm.Key(images, relu, frozen), key -> new CpuBatchNorm(this, key));
    }

    @Override
    public Tensor addRelu(Tensor a, Tensor b) {
        return elementwise(a).addRelu(a, b);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return elementwise(a).sum(a, b);
    }

    @Override
    public Tensor relu(Tensor x) {
        return elementwise(x).relu(x);
    }

    @Override
    public Tensor flatten(Tensor images) {
        Tensor rows = allocate(Shape.of(
                images.shape().extent(0),
                Math.toIntExact(images.shape().elements() / images.shape().extent(0))));
        if (images.layout() == Tensor.Layout.ROW_MAJOR) {
            MemorySegment.copy(images.data(), 0, rows.data(), 0, images.shape().bytes());
        } else {
            elementwise(images).toRowMajor(images, rows.data());
        }
        return rows;
    }

    @Override
    public Tensor unflatten(Tensor rows, Shape images) {
        Tensor result = activation(images);
        elementwise(result).fromRowMajor(rows.data(), result);
        return result;
    }

    @Override
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        return elementwise(output).reluGradient(gradient, output);
    }

    private CpuElementwise elementwise(Tensor like) {
        return elementwise.computeIfAbsent(
                new Described(like.shape(), like.layout()), key -> new CpuElementwise(this, key.shape(), key.layout()));
    }

    @Override
    public Tensor averagePool(Tensor images) {
        return pooling(images.shape()).forward(images);
    }

    @Override
    public Tensor averagePoolGradient(Tensor gradient, Shape images) {
        return pooling(images).backward(gradient);
    }

    private CpuPooling pooling(Shape images) {
        return poolings.computeIfAbsent(images, shape -> new CpuPooling(this, shape));
    }

    @Override
    public Pooled maxPool(Tensor images, MaxPooling geometry) {
        return maxPooling(images, geometry).forward(images);
    }

    @Override
    public Tensor maxPoolGradient(Tensor gradient, Tensor images, Pooled forward, MaxPooling geometry) {
        return maxPooling(images, geometry).backward(gradient, forward);
    }

    private CpuMaxPooling maxPooling(Tensor images, MaxPooling geometry) {
        return maxPoolings.computeIfAbsent(
                new CpuMaxPooling.Key(images.shape(), geometry), key -> new CpuMaxPooling(this, key));
    }

    @Override
    public Tensor linear(Tensor input, Parameter weight, Parameter bias) {
        return linear(input, weight).forward(input, weight, bias);
    }

    @Override
    public Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        return linear(input, weight).backward(gradient, input, weight, bias);
    }

    private CpuLinear linear(Tensor input, Parameter weight) {
        int inputs = weight.shape().extent(1);
        return linears.computeIfAbsent(
                new CpuLinear.Key(
                        input.shape().extent(0), inputs, weight.shape().extent(0)),
                key -> new CpuLinear(this, key));
    }

    @Override
    public void addScaled(Tensor target, float factor, Tensor source) {
        if (factor == 1 && target.layout() == Tensor.Layout.ENGINE) {
            elementwise(target).add(target, source);
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
    public MatrixBackend matrices() {
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
    public OptimiserLoops optimiserLoops(UpdateRule rule) {
        return OptimiserLoops.onHost(rule);
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
    public FrozenConvolution freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        return new CpuFrozenConvolution(this, geometry, weight, bias);
    }

    @Override
    public FrozenConvolution freeze(
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
    public void close() {
        reconstruction.close();
        super.close();
    }
}
