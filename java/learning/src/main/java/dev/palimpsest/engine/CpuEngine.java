package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.optim.Optimiser;
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
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Layers on oneDNN. Activations stay in one blocked order from the first convolution to the pooling, so nothing is
 * reordered between layers; primitives are built once a shape and then only run. Those of a parameter are kept until
 * the engine closes, so an engine should live as long as one run's networks and not longer.
 */
final class CpuEngine implements Engine {
    private static final long ALONE_BELOW = 1L << 24;

    private record Described(Shape shape, Tensor.Layout layout) {}

    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace(arena);
    private final int threads;
    private final OneDnn dnn;
    private final boolean avx512;
    private final MemorySegment attributes;
    private final Map<Described, MemorySegment> descriptions = new HashMap<>();
    private final Map<Shape, MemorySegment> free = new HashMap<>();
    private final Map<Integer, MemorySegment> pairs = new HashMap<>();
    private final Map<CpuConvolution.Key, CpuConvolution> convolutions = new HashMap<>();
    private final Map<CpuBatchNorm.Key, CpuBatchNorm> norms = new HashMap<>();
    private final Map<CpuLinear.Key, CpuLinear> linears = new HashMap<>();
    private final Map<Described, CpuElementwise> elementwise = new HashMap<>();
    private final Map<Shape, CpuPooling> poolings = new HashMap<>();
    private final Map<CpuMaxPooling.Key, CpuMaxPooling> maxPoolings = new HashMap<>();
    private boolean closed;

    CpuEngine(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("an engine needs at least 1 thread, got " + threads);
        }
        this.threads = threads;
        dnn = new OneDnn(arena, threads);
        avx512 = dnn.hasAvx512();
        attributes = dnn.attributes(false, false);
    }

    @Override
    public String description() {
        return "oneDNN " + dnn.version() + (avx512 ? " with AVX-512" : "") + ", " + threads
                + (threads == 1 ? " thread" : " threads");
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public Tensor allocate(Shape shape) {
        return new Tensor(shape, Tensor.Layout.ROW_MAJOR, take(shape.bytes()));
    }

    @Override
    public Tensor tensor(Shape shape, float[] values) {
        if (values.length != shape.elements()) {
            throw new IllegalArgumentException(
                    "a tensor of " + shape + " needs " + shape.elements() + " values, got " + values.length);
        }
        Tensor tensor = allocate(shape);
        MemorySegment.copy(values, 0, tensor.data(), JAVA_FLOAT, 0, values.length);
        return tensor;
    }

    @Override
    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        if (rowMajor.byteSize() < shape.bytes()) {
            throw new IllegalArgumentException("a tensor of " + shape + " needs " + shape.bytes()
                    + " bytes, the memory has " + rowMajor.byteSize());
        }
        return Tensor.borrowed(shape, rowMajor);
    }

    @Override
    public void release(Tensor tensor) {
        if (tensor.letGo()) {
            workspace.give(tensor.data());
        }
    }

    @Override
    public float[] toArray(Tensor tensor) {
        dnn.requireOpen();
        if (tensor.layout() == Tensor.Layout.ROW_MAJOR) {
            return tensor.data().asSlice(0, tensor.shape().bytes()).toArray(JAVA_FLOAT);
        }
        MemorySegment plain = take(tensor.shape().bytes());
        elementwise(tensor).toRowMajor(tensor, plain);
        float[] values = plain.toArray(JAVA_FLOAT);
        workspace.give(plain);
        return values;
    }

    @Override
    public long allocatedBytes() {
        return workspace.allocatedBytes();
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
        Checks.batchNorm(input, norm, frozen);
        return norm(input.shape(), relu, frozen).forward(input, norm);
    }

    @Override
    public Tensor batchNormGradient(Tensor gradient, Tensor input, Normalised forward, BatchNorm norm) {
        Checks.same(gradient, input);
        return norm(input.shape(), forward.passed() != null, forward.frozen()).backward(gradient, input, forward, norm);
    }

    private CpuBatchNorm norm(Shape images, boolean relu, boolean frozen) {
        return norms.computeIfAbsent(new CpuBatchNorm.Key(images, relu, frozen), key -> new CpuBatchNorm(this, key));
    }

    @Override
    public Tensor addRelu(Tensor a, Tensor b) {
        Checks.activation("a residual sum", a);
        Checks.same(a, b);
        return elementwise(a).addRelu(a, b);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Checks.elementwise("a sum", a);
        Checks.same(a, b);
        return elementwise(a).sum(a, b);
    }

    @Override
    public Tensor relu(Tensor x) {
        Checks.elementwise("ReLU", x);
        return elementwise(x).relu(x);
    }

    @Override
    public Tensor flatten(Tensor images) {
        Tensor rows = allocate(Checks.rows("flattening", images.shape()));
        if (images.layout() == Tensor.Layout.ROW_MAJOR) {
            MemorySegment.copy(images.data(), 0, rows.data(), 0, images.shape().bytes());
        } else {
            elementwise(images).toRowMajor(images, rows.data());
        }
        return rows;
    }

    @Override
    public Tensor unflatten(Tensor rows, Shape images) {
        Checks.shape("the gradient of flattened images", Checks.rows("flattening", images), rows);
        Tensor result = activation(images);
        elementwise(result).fromRowMajor(rows.data(), result);
        return result;
    }

    @Override
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        Checks.elementwise("the gradient of ReLU", output);
        Checks.same(gradient, output);
        return elementwise(output).reluGradient(gradient, output);
    }

    private CpuElementwise elementwise(Tensor like) {
        return elementwise.computeIfAbsent(
                new Described(like.shape(), like.layout()), key -> new CpuElementwise(this, key.shape, key.layout));
    }

    @Override
    public Tensor averagePool(Tensor images) {
        Checks.activation("average pooling", images);
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
        Checks.activation("maximum pooling", images);
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
        Checks.linear(input, weight);
        int inputs = weight.shape().extent(1);
        return linears.computeIfAbsent(
                new CpuLinear.Key(
                        input.shape().extent(0), inputs, weight.shape().extent(0)),
                key -> new CpuLinear(this, key));
    }

    @Override
    public void addScaled(Tensor target, float factor, Tensor source) {
        Checks.same(target, source);
        if (factor == 1 && target.layout() == Tensor.Layout.ENGINE) {
            elementwise(target).add(target, source);
        } else {
            add(target.data(), factor, source.data());
        }
    }

    static void add(MemorySegment target, float factor, MemorySegment source) {
        long count = target.byteSize() / Float.BYTES;
        for (long i = 0; i < count; i++) {
            target.setAtIndex(
                    JAVA_FLOAT, i, target.getAtIndex(JAVA_FLOAT, i) + factor * source.getAtIndex(JAVA_FLOAT, i));
        }
    }

    /** Added to zeros, as the gradients of losses always were: −0 becomes +0. */
    @Override
    public Tensor scaled(float factor, Tensor source) {
        Tensor result = allocate(source.shape());
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
    public Loss sigmoidCrossEntropy(Tensor logits, int[] labels, Tensor last) {
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
        Checks.choice(oneHot, matrices);
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
        Tensor result = allocate(Checks.part(tensor, begin, end));
        long bytes = tensor.shape().bytes() / tensor.shape().extent(0);
        MemorySegment.copy(tensor.data(), begin * bytes, result.data(), 0, (end - begin) * bytes);
        return result;
    }

    @Override
    public Tensor stacked(List<Tensor> tensors) {
        Tensor result = allocate(Checks.stacked(tensors));
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
    public Optimiser optimiser(UpdateRule rule) {
        return new Optimiser(OptimiserLoops.onHost(rule));
    }

    @Override
    public Following following(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        Checks.pairs(targets, sources, kept);
        return new CpuFollowing(targets, sources, kept);
    }

    @Override
    public int stepsAhead() {
        return 0;
    }

    @Override
    public <T> T beside(Tensor images, Supplier<T> work) {
        return work.get();
    }

    @Override
    public FrozenConvolution freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        return new CpuFrozenConvolution(this, geometry, weight, bias);
    }

    @Override
    public Optional<FrozenConvolution> freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias) {
        return Optional.empty();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            dnn.close();
            arena.close();
        }
    }

    OneDnn dnn() {
        return dnn;
    }

    Arena arena() {
        return arena;
    }

    Workspace workspace() {
        return workspace;
    }

    MemorySegment attributes() {
        return attributes;
    }

    /** An activation in this engine's order, from the workspace. */
    Tensor activation(Shape shape) {
        return tensor(shape, Tensor.Layout.ENGINE);
    }

    Tensor tensor(Shape shape, Tensor.Layout layout) {
        return new Tensor(shape, layout, take(shape.bytes()));
    }

    /**
     * To be called before primitives are built: says what one run of them computes. A layer of less than a tenth of a
     * millisecond stays on one thread, for waking another that sleeps takes as long.
     */
    void plan(long operations) {
        dnn.use(operations < ALONE_BELOW ? 1 : threads);
    }

    /** Operations that take as long as passing over an activation, which waits for memory. */
    static long passOver(Shape images) {
        return 64 * images.elements();
    }

    MemorySegment take(long bytes) {
        dnn.requireOpen();
        return workspace.take(bytes);
    }

    MemorySegment describe(Shape shape, Tensor.Layout layout) {
        return descriptions.computeIfAbsent(
                new Described(shape, layout),
                key -> dnn.describe(
                        shape,
                        layout == Tensor.Layout.ROW_MAJOR
                                ? Format.rowMajor(shape.rank())
                                : activationFormat(shape.extent(1))));
    }

    /**
     * Blocks of as many channels as a vector holds where they divide; else channels last. Either way nothing is
     * padded.
     */
    private Format activationFormat(int channels) {
        if (avx512 && channels % 16 == 0) {
            return Format.BLOCKED_16;
        }
        return channels % 8 == 0 ? Format.BLOCKED_8 : Format.NHWC;
    }

    MemorySegment rowMajor(Shape shape) {
        return describe(shape, Tensor.Layout.ROW_MAJOR);
    }

    /** A description that leaves the order to the library. */
    MemorySegment any(Shape shape) {
        return free.computeIfAbsent(shape, key -> dnn.describe(key, Format.ANY));
    }

    MemorySegment pair(int value) {
        return pairs.computeIfAbsent(value, key -> OneDnn.dims(arena, key, key));
    }

    /**
     * Copies weights or a result from one order to another on one thread, adding to what is there if
     * {@code accumulate}.
     */
    Primitive reorder(MemorySegment from, MemorySegment to, boolean accumulate) {
        plan(0);
        return new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_reorder_primitive_desc_create",
                        "PPPPPP",
                        slot,
                        from,
                        dnn.engine(),
                        to,
                        dnn.engine(),
                        dnn.attributes(accumulate, false))),
                OneDnn.SRC,
                OneDnn.DST);
    }
}
