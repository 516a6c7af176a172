package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.cuda.CudaLibrary;
import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.cuda.CudaSnapshotReconstruction;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.kernel.ClassRange;
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
import java.util.Optional;
import java.util.function.Supplier;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;

/**
 * Layers on cuDNN and cuBLAS, losses and optimisers on our kernels. Everything is queued: the training on one stream,
 * frozen networks beside it on another, batches on a third, and the host waits only for values that it asks for.
 * Activations are [N, C, H, W] in memory. What belongs to a shape or a parameter is kept until the engine closes.
 */
final class CudaEngine implements Engine {
    static final Pointer ONE = Pointer.to(new float[] {1});
    static final Pointer ZERO = Pointer.to(new float[] {0});
    private static final int FENCES = 256;

    private final CudaDevice device;
    private final int threads;
    private final DeviceOptions options;
    private final CudaDescriptors descriptors;
    private final CudaMirrors mirrors = new CudaMirrors(this);
    private final Map<CudaConvolution.Key, CudaConvolution> convolutions = new HashMap<>();
    private CudaLane training;
    private CudaLane teaching;
    private CudaLane lane;
    private CudaFences fences;
    private CudaStaging staging;
    private CudaImages images;
    private CudaLosses losses;
    private CudaElementwise elementwise;
    private CudaBatchNorm norms;
    private CudaPooling poolings;
    private CudaLinear linears;
    private CudaSnapshotReconstruction reconstruction;
    /** Null until they are used. */
    private CudaMatrixKernels matrices;

    private boolean closed;

    /**
     * @throws CudaException if driver, device, cuDNN or cuBLAS are missing or do not start; the message says what to
     *     do
     */
    CudaEngine(DeviceOptions options, int threads) {
        this.options = options;
        this.threads = threads;
        CudaOptions cuda = CudaOptions.ofSystem();
        if (options.memoryMebibytes() > 0) {
            cuda = cuda.withMemoryLimit((long) options.memoryMebibytes() << 20);
        }
        descriptors = new CudaDescriptors(options.tf32());
        device = CudaDevice.open(options.device().index(), cuda);
        try {
            CudaLibrary.CUBLAS.load(cuda);
            CudaLibrary.CUDNN.load(cuda);
            prepare();
        } catch (RuntimeException | Error e) {
            try {
                close();
            } catch (CudaException second) {
                e.addSuppressed(second);
            }
            throw e;
        }
    }

    private void prepare() {
        training = new CudaLane(device, device.compute(), options.tf32());
        lane = training;
        teaching = new CudaLane(device, device.teachers(), options.tf32());
        fences = new CudaFences(device, device.compute(), FENCES);
        staging = new CudaStaging(device, fences);
        images = new CudaImages(device, fences);
        losses = new CudaLosses(this);
        elementwise = new CudaElementwise(this);
        norms = new CudaBatchNorm(this);
        poolings = new CudaPooling(this);
        linears = new CudaLinear(this);
    }

    @Override
    public String description() {
        return "cuDNN " + JCudnn.cudnnGetVersion() + " on cuda:" + device.info().index() + ", "
                + device.info().name() + (options.tf32() ? ", TF32" : "")
                + (options.deterministic() ? ", deterministic" : "");
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public Tensor allocate(Shape shape) {
        return tensor(shape, Tensor.Layout.ROW_MAJOR);
    }

    Tensor activation(Shape shape) {
        return tensor(shape, Tensor.Layout.ENGINE);
    }

    Tensor tensor(Shape shape, Tensor.Layout layout) {
        return Tensor.onDevice(shape, layout, take(shape.bytes()));
    }

    /** Memory for work on the present lane. */
    DeviceBuffer take(long bytes) {
        requireOpen();
        return device.memory().allocate(bytes, lane.stream());
    }

    @Override
    public Tensor tensor(Shape shape, float[] values) {
        if (values.length != shape.elements()) {
            throw new IllegalArgumentException(
                    "a tensor of " + shape + " needs " + shape.elements() + " values, got " + values.length);
        }
        Tensor tensor = allocate(shape);
        try (Arena temporary = Arena.ofConfined()) {
            staging.upload(temporary.allocateFrom(JAVA_FLOAT, values), lane.stream(), address(tensor));
        }
        return tensor;
    }

    @Override
    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        if (rowMajor.byteSize() < shape.bytes()) {
            throw new IllegalArgumentException("a tensor of " + shape + " needs " + shape.bytes()
                    + " bytes, the memory has " + rowMajor.byteSize());
        }
        requireOpen();
        return Tensor.onDevice(
                shape, Tensor.Layout.ROW_MAJOR, images.upload(rowMajor.asSlice(0, shape.bytes()), lane.stream()));
    }

    @Override
    public void release(Tensor tensor) {
        if (tensor.letGo() && !closed && !images.release(tensor.deviceMemory(), training.stream())) {
            ((DeviceBuffer) tensor.deviceMemory()).close();
        }
    }

    @Override
    public float[] toArray(Tensor tensor) {
        requireOpen();
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment values = temporary.allocate(tensor.shape().bytes(), Float.BYTES);
            lane.stream().toHost(address(tensor), values);
            return values.toArray(JAVA_FLOAT);
        }
    }

    @Override
    public long allocatedBytes() {
        return device.memory().reservedBytes();
    }

    @Override
    public Tensor convolution(Tensor input, Parameter weight, Convolution geometry) {
        return convolution(geometry, input.shape()).forward(input, weight);
    }

    @Override
    public Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape input) {
        return convolution(geometry, input).inputGradient(gradient, weight);
    }

    @Override
    public void convolutionWeightGradient(Tensor input, Tensor gradient, Parameter weight, Convolution geometry) {
        convolution(geometry, input.shape()).weightGradient(input, gradient, weight);
    }

    CudaConvolution convolution(Convolution geometry, Shape input) {
        requireOpen();
        return convolutions.computeIfAbsent(
                new CudaConvolution.Key(geometry, input), key -> new CudaConvolution(this, key));
    }

    @Override
    public Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        Checks.batchNorm(input, norm, frozen);
        return norms.forward(input, norm, relu, frozen);
    }

    @Override
    public Tensor batchNormGradient(Tensor gradient, Tensor input, Normalised forward, BatchNorm norm) {
        Checks.same(gradient, input);
        return norms.backward(gradient, input, forward, norm);
    }

    @Override
    public Tensor addRelu(Tensor a, Tensor b) {
        Checks.activation("a residual sum", a);
        Checks.same(a, b);
        return elementwise.addRelu(a, b);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Checks.elementwise("a sum", a);
        Checks.same(a, b);
        Tensor sum = copy(a, a.shape(), a.layout());
        elementwise.addScaled(sum, 1, b);
        return sum;
    }

    @Override
    public Tensor relu(Tensor x) {
        Checks.elementwise("ReLU", x);
        Tensor result = copy(x, x.shape(), x.layout());
        elementwise.relu(result);
        return result;
    }

    /** Activations lie in rows here too. */
    @Override
    public Tensor flatten(Tensor images) {
        return copy(images, Checks.rows("flattening", images.shape()), Tensor.Layout.ROW_MAJOR);
    }

    @Override
    public Tensor unflatten(Tensor rows, Shape images) {
        Checks.shape("the gradient of flattened images", Checks.rows("flattening", images), rows);
        return copy(rows, images, Tensor.Layout.ENGINE);
    }

    private Tensor copy(Tensor from, Shape shape, Tensor.Layout layout) {
        Tensor result = tensor(shape, layout);
        lane.stream().copy(address(from), address(result), shape.bytes());
        return result;
    }

    @Override
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        Checks.elementwise("the gradient of ReLU", output);
        Checks.same(gradient, output);
        return elementwise.reluGradient(gradient, output);
    }

    @Override
    public Tensor averagePool(Tensor input) {
        Checks.activation("average pooling", input);
        return poolings.mean(input);
    }

    @Override
    public Tensor averagePoolGradient(Tensor gradient, Shape input) {
        return poolings.meanGradient(gradient, input);
    }

    @Override
    public Pooled maxPool(Tensor input, MaxPooling geometry) {
        Checks.activation("maximum pooling", input);
        return new Pooled(poolings.maxima(input, geometry), null);
    }

    @Override
    public Tensor maxPoolGradient(Tensor gradient, Tensor input, Pooled forward, MaxPooling geometry) {
        return poolings.maximaGradient(gradient, input, forward.output(), geometry);
    }

    @Override
    public Tensor linear(Tensor input, Parameter weight, Parameter bias) {
        Checks.linear(input, weight);
        return linears.forward(input, weight, bias);
    }

    @Override
    public Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        Checks.linear(input, weight);
        return linears.backward(gradient, input, weight, bias);
    }

    @Override
    public void addScaled(Tensor target, float factor, Tensor source) {
        Checks.same(target, source);
        elementwise.addScaled(target, factor, source);
    }

    @Override
    public Tensor scaled(float factor, Tensor source) {
        return elementwise.scaled(factor, source);
    }

    @Override
    public Tensor columns(Tensor matrix, ClassRange columns) {
        return elementwise.columns(matrix, columns);
    }

    @Override
    public Loss softmaxCrossEntropy(Tensor logits, int[] labels, ClassRange classes) {
        return losses.softmax(logits, labels, classes);
    }

    @Override
    public Loss sigmoidCrossEntropy(Tensor logits, int[] labels, Tensor last) {
        return losses.sigmoid(logits, labels, last);
    }

    @Override
    public TeacherLoss multiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, float temperature) {
        return CudaTeacherLoss.kl(this, maxRows, classes, ranges, temperature);
    }

    @Override
    public TeacherLoss featureMse(int maxRows, int dims, int teachers) {
        return CudaTeacherLoss.mse(this, maxRows, dims, teachers);
    }

    @Override
    public Matrices matrices() {
        requireOpen();
        if (matrices == null) {
            matrices = new CudaMatrixKernels(this);
        }
        return new CudaMatrices(this, matrices);
    }

    @Override
    public Tensor chosenRows(Tensor oneHot, List<Tensor> of) {
        Checks.choice(oneHot, of);
        return elementwise.chosenRows(oneHot, of);
    }

    @Override
    public Tensor part(Tensor tensor, int begin, int end) {
        Tensor result = allocate(Checks.part(tensor, begin, end));
        long bytes = tensor.shape().bytes() / tensor.shape().extent(0);
        lane.stream().copy(address(tensor) + begin * bytes, address(result), (end - begin) * bytes);
        return result;
    }

    @Override
    public Tensor stacked(List<Tensor> tensors) {
        Tensor result = allocate(Checks.stacked(tensors));
        long at = address(result);
        for (Tensor tensor : tensors) {
            lane.stream().copy(address(tensor), at, tensor.shape().bytes());
            at += tensor.shape().bytes();
        }
        return result;
    }

    @Override
    public Table table(int rows, int width) {
        return new CudaTable(this, rows, width);
    }

    @Override
    public Optimiser optimiser(UpdateRule rule) {
        return new Optimiser(new CudaOptimiserLoops(this, rule));
    }

    @Override
    public Following following(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        Checks.pairs(targets, sources, kept);
        return new CudaFollowing(this, targets, sources, kept);
    }

    @Override
    public int stepsAhead() {
        return 1;
    }

    /** On the teachers' stream, which need not wait for what the student has queued since its batch arrived. */
    @Override
    public <T> T beside(Tensor input, Supplier<T> work) {
        requireOpen();
        if (!images.await(input.deviceMemory(), teaching.stream())) {
            teaching.stream().waitFor(training.stream());
        }
        lane = teaching;
        try {
            return work.get();
        } finally {
            lane = training;
            training.stream().waitFor(teaching.stream());
        }
    }

    @Override
    public FrozenConvolution freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        return CudaFrozenConvolution.of(this, geometry, weight, bias);
    }

    @Override
    public Optional<FrozenConvolution> freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias) {
        requireOpen();
        FrozenConvolution frozen = CudaFrozenConvolution.rebuilt(this, geometry, present, mask, scale, bias);
        teaching.stream().waitFor(training.stream());
        return Optional.of(frozen);
    }

    /** On the stream of the training, which changes the weights. */
    CudaSnapshotReconstruction reconstruction() {
        if (reconstruction == null) {
            reconstruction = new CudaSnapshotReconstruction(device, training.stream());
        }
        return reconstruction;
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the engine is closed: open another one with Engine.open");
        }
    }

    CudaDevice device() {
        return device;
    }

    DeviceOptions options() {
        return options;
    }

    /** Where work is queued now. */
    CudaLane lane() {
        return lane;
    }

    CudaDescriptors descriptors() {
        return descriptors;
    }

    CudaMirrors mirrors() {
        return mirrors;
    }

    CudaFences fences() {
        return fences;
    }

    CudaStaging staging() {
        return staging;
    }

    CudaLosses losses() {
        return losses;
    }

    CudaElementwise elementwise() {
        return elementwise;
    }

    /** Of a tensor, for work on the present lane. */
    long address(Tensor tensor) {
        return buffer(tensor).address();
    }

    /** Of a tensor, for work on the present lane. */
    Pointer pointer(Tensor tensor) {
        return buffer(tensor).pointer();
    }

    private DeviceBuffer buffer(Tensor tensor) {
        if (tensor.deviceMemory() instanceof DeviceBuffer buffer) {
            return buffer.usedBy(lane.stream());
        }
        throw new IllegalArgumentException("a tensor of " + tensor.shape()
                + " in the host's memory was given to an engine on a GPU: make" + " it with the engine that uses it");
    }

    /** What only the device has comes home first; where the device failed, it is lost. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        try {
            if (lane != null) {
                mirrors.bringHome();
            }
        } catch (CudaException e) {
            if (e.kind() != CudaException.Kind.LOST) {
                throw e;
            }
        } finally {
            closed = true;
            for (CudaLane opened : new CudaLane[] {training, teaching}) {
                if (opened != null) {
                    opened.close();
                }
            }
            descriptors.close();
            device.close();
        }
    }
}
