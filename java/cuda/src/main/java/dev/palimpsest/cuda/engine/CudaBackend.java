package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.engine.MovingAverage;
import dev.palimpsest.engine.Table;
import dev.palimpsest.engine.TeacherLoss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jcuda.jcudnn.JCudnn;
import org.jspecify.annotations.Nullable;

/**
 * Layers on cuDNN and cuBLAS, losses and optimisers on our kernels. Activations are [N, C, H, W] in memory. What
 * belongs to a shape or a parameter is kept until the engine closes.
 */
final class CudaBackend extends CudaContext implements Backend {
    private final CudaConvolutions convolutions = new CudaConvolutions(this);
    private CudaBatchNorm norms;
    private CudaPooling poolings;
    private CudaLinear linears;
    /** Null until they are used. */
    private @Nullable CudaMatrixKernels matrices;

    @SuppressWarnings("NullAway.Init") // prepare sets the rest
    private CudaBackend(DeviceOptions options) {
        super(options);
    }

    /**
     * @throws CudaException if driver, device, cuDNN or cuBLAS are missing or do not start; the message says what to
     *     do
     */
    static CudaBackend open(DeviceOptions options) {
        CudaBackend backend = new CudaBackend(options);
        try {
            backend.prepare();
            return backend;
        } catch (RuntimeException | Error e) {
            try {
                backend.close();
            } catch (CudaException second) {
                e.addSuppressed(second);
            }
            throw e;
        }
    }

    @Override
    void prepare() {
        super.prepare();
        norms = new CudaBatchNorm(this);
        poolings = new CudaPooling(this);
        linears = new CudaLinear(this);
    }

    @Override
    public String description() {
        return "cuDNN " + JCudnn.cudnnGetVersion() + " on cuda:"
                + device().info().index() + ", "
                + device().info().name() + (options().tf32() ? ", TF32" : "")
                + (options().deterministic() ? ", deterministic" : "");
    }

    @Override
    public Tensor convolution(Tensor input, Parameter weight, Convolution geometry) {
        return convolutions.of(geometry, input.shape()).forward(input, weight);
    }

    @Override
    public Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape input) {
        return convolutions.of(geometry, input).inputGradient(gradient, weight);
    }

    @Override
    public void convolutionWeightGradient(Tensor input, Tensor gradient, Parameter weight, Convolution geometry) {
        convolutions.of(geometry, input.shape()).weightGradient(input, gradient, weight);
    }

    @Override
    public BatchNorm.Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        return norms.forward(input, norm, relu, frozen);
    }

    @Override
    public Tensor batchNormGradient(Tensor gradient, Tensor input, BatchNorm.Normalised forward) {
        return norms.backward(gradient, input, forward);
    }

    @Override
    public Tensor addRelu(Tensor a, Tensor b) {
        return elementwise().addRelu(a, b);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Tensor sum = copy(a, a.shape(), a.layout());
        elementwise().addScaled(sum, 1, b);
        return sum;
    }

    @Override
    public Tensor relu(Tensor x) {
        Tensor result = copy(x, x.shape(), x.layout());
        elementwise().relu(result);
        return result;
    }

    @Override
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        return elementwise().reluGradient(gradient, output);
    }

    /** Activations lie in rows here too. */
    @Override
    public Tensor flatten(Tensor images) {
        int rows = images.shape().extent(0);
        Shape shape = Shape.of(rows, Math.toIntExact(images.shape().elements() / rows));
        return copy(images, shape, Tensor.Layout.ROW_MAJOR);
    }

    @Override
    public Tensor unflatten(Tensor rows, Shape images) {
        return copy(rows, images, Tensor.Layout.ENGINE);
    }

    private Tensor copy(Tensor from, Shape shape, Tensor.Layout layout) {
        Tensor result = tensor(shape, layout);
        streamContext().stream().copy(address(from), address(result), shape.bytes());
        return result;
    }

    @Override
    public Tensor averagePool(Tensor input, int grid) {
        return poolings.means(input, grid);
    }

    @Override
    public Tensor averagePoolGradient(Tensor gradient, Shape input) {
        return poolings.meanGradient(gradient, input);
    }

    @Override
    public MaxPooling.Pooled maxPool(Tensor input, MaxPooling geometry) {
        return new MaxPooling.Pooled(poolings.maxima(input, geometry), null, geometry);
    }

    @Override
    public Tensor maxPoolGradient(Tensor gradient, Tensor input, MaxPooling.Pooled forward) {
        return poolings.maximaGradient(gradient, input, forward.output(), forward.geometry());
    }

    @Override
    public Tensor linear(Tensor input, Parameter weight, Parameter bias) {
        return linears.forward(input, weight, bias);
    }

    @Override
    public Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        return linears.backward(gradient, input, weight, bias);
    }

    @Override
    public void addScaled(Tensor target, float factor, Tensor source) {
        elementwise().addScaled(target, factor, source);
    }

    @Override
    public Tensor scaled(float factor, Tensor source) {
        return elementwise().scaled(factor, source);
    }

    @Override
    public Tensor columns(Tensor matrix, ClassRange columns) {
        return elementwise().columns(matrix, columns);
    }

    @Override
    public Loss softmaxCrossEntropy(Tensor logits, int[] labels, ClassRange classes) {
        return losses().softmax(logits, labels, classes);
    }

    @Override
    public Loss sigmoidCrossEntropy(Tensor logits, int[] labels, @Nullable Tensor last) {
        return losses().sigmoid(logits, labels, last);
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
        if (matrices == null) {
            matrices = new CudaMatrixKernels(this);
        }
        return new CudaMatrices(this, matrices);
    }

    @Override
    public Tensor chosenRows(Tensor oneHot, List<Tensor> of) {
        return elementwise().chosenRows(oneHot, of);
    }

    @Override
    public Tensor part(Tensor tensor, int begin, int end) {
        int[] extents = tensor.shape().extents();
        long bytes = tensor.shape().bytes() / Math.max(1, extents[0]);
        extents[0] = end - begin;
        Tensor result = allocate(Shape.of(extents));
        streamContext().stream().copy(address(tensor) + begin * bytes, address(result), (end - begin) * bytes);
        return result;
    }

    @Override
    public Tensor stacked(List<Tensor> tensors, Shape shape) {
        Tensor result = allocate(shape);
        long at = address(result);
        for (Tensor tensor : tensors) {
            streamContext().stream().copy(address(tensor), at, tensor.shape().bytes());
            at += tensor.shape().bytes();
        }
        return result;
    }

    @Override
    public Table table(int rows, int width) {
        return new CudaTable(this, rows, width);
    }

    @Override
    public Optimiser.Loops optimiserLoops(UpdateRule rule) {
        return new CudaOptimiserLoops(this, rule);
    }

    @Override
    public MovingAverage movingAverage(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        return new CudaMovingAverage(this, targets, sources, kept);
    }

    @Override
    public int stepsAhead() {
        return 1;
    }

    @Override
    public Convolution.Frozen freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        return CudaFrozenConvolution.of(this, convolutions, geometry, weight, bias);
    }

    @Override
    public Convolution.Frozen freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias) {
        Convolution.Frozen frozen =
                CudaFrozenConvolution.rebuilt(this, convolutions, geometry, present, mask, scale, bias);
        teachersWaitForTraining();
        return frozen;
    }
}
