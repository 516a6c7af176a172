package dev.palimpsest.engine;

import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/**
 * The layer maths of one device. Tensors it returns come from its workspace and go back with {@link #release}; after
 * the first step over given shapes nothing is allocated off-heap. Gradients of parameters are added to
 * {@link Parameter#gradient()}.
 *
 * <p>An engine belongs to the thread that opened it, and refuses every call after {@link #close}. Images and
 * activations are [N, C, H, W], matrices [N, features], all float32.
 */
public sealed interface Engine extends AutoCloseable permits CpuEngine, CudaEngine {
    /**
     * The engine on this machine's processor with the given number of threads.
     *
     * @throws EngineException if oneDNN cannot be loaded
     */
    static Engine cpu(int threads) {
        return new CpuEngine(threads);
    }

    /**
     * The engine that the options ask for. {@code auto} takes a GPU if one works, with what it needs, and otherwise
     * tells why not and takes the processor.
     *
     * @param threads of the processor
     * @param remark is told, in one sentence, why an automatic choice fell back to the processor
     * @throws CudaException if a GPU is asked for by name and cannot be used; the message says why and what to do
     */
    static Engine open(DeviceOptions options, int threads, Consumer<String> remark) {
        return switch (options.device().kind()) {
            case CPU -> cpu(threads);
            case CUDA -> new CudaEngine(options, threads);
            case AUTO -> {
                try {
                    yield new CudaEngine(options, threads);
                } catch (CudaException e) {
                    remark.accept("The processor computes: " + e.getMessage());
                    yield cpu(threads);
                }
            }
        };
    }

    /** One line for {@code doctor}: library, version, instruction set, threads. */
    String description();

    int threads();

    /** A row-major tensor with undefined values. */
    Tensor allocate(Shape shape);

    /**
     * A row-major tensor with these values, for what is computed outside the engine.
     *
     * @throws IllegalArgumentException if their number is not the shape's
     */
    Tensor tensor(Shape shape, float[] values);

    /**
     * A row-major tensor over memory of the caller's, which stays the caller's: releasing the tensor leaves it alone.
     * An engine that cannot read the host's memory copies it at once, so that the caller may reuse it.
     */
    Tensor wrap(Shape shape, MemorySegment rowMajor);

    /** Lets one holder of the tensor go. */
    void release(Tensor tensor);

    /** The values in row-major order. */
    float[] toArray(Tensor tensor);

    /** Bytes that the engine has ever taken off-heap: constant in steady state. */
    long allocatedBytes();

    Tensor convolution(Tensor images, Parameter weight, Convolution geometry);

    Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images);

    void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry);

    /**
     * What {@link #batchNorm} keeps for its backward pass: input, batch mean and variance, and which outputs the ReLU
     * let through.
     */
    record Normalised(Tensor output, Tensor mean, Tensor variance, Tensor passed, boolean frozen) {}

    /**
     * Normalises with the batch's statistics and updates the running ones, or, if {@code frozen}, with the running
     * ones, which then stay.
     *
     * @throws IllegalArgumentException if the batch has one value a channel and is not frozen: its variance would be
     *     zero
     */
    Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen);

    Tensor batchNormGradient(Tensor gradient, Tensor input, Normalised forward, BatchNorm norm);

    /** max(a + b, 0). */
    Tensor addRelu(Tensor a, Tensor b);

    /** a + b, of activations or of matrices. */
    Tensor add(Tensor a, Tensor b);

    /** max(x, 0), of activations or of matrices; NaN stays NaN. */
    Tensor relu(Tensor x);

    /** Images [N, C, H, W], in any layout, as rows of a matrix [N, C·H·W], channel by channel. */
    Tensor flatten(Tensor images);

    /** Rows of a matrix [N, C·H·W] as activations [N, C, H, W]: the gradient of {@link #flatten}. */
    Tensor unflatten(Tensor rows, Shape images);

    /** The gradient where the output is positive, elsewhere 0. */
    Tensor reluGradient(Tensor gradient, Tensor output);

    /** Mean over H and W: [N, C, H, W] to row-major [N, C]. */
    Tensor averagePool(Tensor images);

    Tensor averagePoolGradient(Tensor gradient, Shape images);

    /**
     * What {@link #maxPool} gives and keeps for its backward pass.
     *
     * @param positions of the maxima, or null if the engine finds them again
     */
    record Pooled(Tensor output, Tensor positions) {}

    /** The maximum of every window of every channel: [N, C, H, W] to [N, C, H', W']. */
    Pooled maxPool(Tensor images, MaxPooling geometry);

    /** Each window's gradient at its maximum; where several are equal, at one of them. */
    Tensor maxPoolGradient(Tensor gradient, Tensor images, Pooled forward, MaxPooling geometry);

    /** input·weightᵀ + bias for input [N, in], weight [out, in], bias [out]. */
    Tensor linear(Tensor input, Parameter weight, Parameter bias);

    /**
     * Adds to the gradients of weight and bias.
     *
     * @return the gradient of the input
     */
    Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias);

    /** target += factor · source, in place. */
    void addScaled(Tensor target, float factor, Tensor source);

    /** factor · source. */
    Tensor scaled(float factor, Tensor source);

    /** The given columns of a matrix. */
    Tensor columns(Tensor matrix, ClassRange columns);

    /**
     * A loss, the mean over a batch's rows, and its gradient by what it is of.
     *
     * @param value in float64; asking waits for the device, and must be done before another hundred losses have been
     *     computed
     */
    record Loss(DoubleSupplier value, Tensor gradient) {
        static Loss of(double value, Tensor gradient) {
            return new Loss(() -> value, gradient);
        }
    }

    /** See {@code dev.palimpsest.loss.CrossEntropy}, which also checks: −log softmax(z[classes])[label]. */
    Loss softmaxCrossEntropy(Tensor logits, int[] labels, ClassRange classes);

    /**
     * See {@code dev.palimpsest.loss.CrossEntropy}, which also checks: every column's sigmoid cross-entropy.
     *
     * @param last null for none
     */
    Loss sigmoidCrossEntropy(Tensor logits, int[] labels, Tensor last);

    /** A kernel that compares a student with several teachers; it has scratch memory, which {@link #close} frees. */
    interface TeacherLoss extends AutoCloseable {
        /**
         * @param student [B, columns]
         * @param teachers what each of them says of the same rows; they may be released at once, and so may the
         *     weights
         * @param weights at least B rows of one weight a teacher
         */
        Loss of(Tensor student, List<Tensor> teachers, Tensor weights);

        @Override
        void close();
    }

    /** The kernel {@link MultiTeacherKl} for at most so many rows. */
    TeacherLoss multiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, float temperature);

    /** The kernel {@link FeatureMse} for at most so many rows. */
    TeacherLoss featureMse(int maxRows, int dims, int teachers);

    /** Matrices for the time of one loss. */
    Matrices matrices();

    /**
     * The rows that one-hot rows choose of several matrices [B, C].
     *
     * @param oneHot [B, matrices]
     */
    Tensor chosenRows(Tensor oneHot, List<Tensor> matrices);

    /** Extents of the outermost axis begin to end − 1, of a row-major tensor. */
    Tensor part(Tensor tensor, int begin, int end);

    /** Row-major tensors one after another along the outermost axis; their other extents are the same. */
    Tensor stacked(List<Tensor> tensors);

    /** Rows that are kept for longer than a step, in memory that {@link #close} frees. */
    interface Table extends AutoCloseable {
        /** Copies a matrix's rows in, to the rows from the given one on. */
        void put(int first, Tensor matrix);

        /** A matrix of the given rows, in that order. */
        Tensor gather(int[] indices);

        @Override
        void close();
    }

    Table table(int rows, int width);

    /**
     * An optimiser whose state and loops are where this engine has the parameters. It is to be closed before the
     * engine.
     *
     * @param rule by which it moves them
     * @return one that has no parameters yet: see {@link Optimiser#track}
     */
    Optimiser optimiser(UpdateRule rule);

    /** Values that go after others. */
    interface Following extends AutoCloseable {
        /** target = kept · target + (1 − kept) · source, in float32, for all pairs. */
        void step();

        @Override
        void close();
    }

    /** @param kept share that each target keeps of itself at a step, 0 to 1; 0: it becomes the source */
    Following following(List<Mirror> targets, List<Mirror> sources, float[] kept);

    /**
     * How many training steps may be under way on a device before their losses are asked for. 0 says that a loss is
     * there when its call returns; otherwise asking at once would make the device wait for the host.
     */
    int stepsAhead();

    /**
     * Does a frozen network's work on these images beside what else is queued on the device, if the engine can:
     * neither waits for the other until the results are used.
     */
    <T> T beside(Tensor images, Supplier<T> work);

    /**
     * A convolution whose weight [OIHW] and bias [O] never change again, packed for fast inference. Close it to free
     * the packed copy.
     */
    FrozenConvolution freeze(Convolution geometry, MemorySegment weight, MemorySegment bias);

    /**
     * The same with an earlier model's weight, rebuilt where the present one is.
     *
     * @param scale float32, a factor for each output channel
     * @return empty if parameters live on the host, where {@code dev.palimpsest.snapshot} rebuilds weights
     */
    Optional<FrozenConvolution> freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias);

    /** See {@link Engine#freeze}. */
    interface FrozenConvolution extends AutoCloseable {
        /**
         * relu(convolution(images) + bias + residual), each of the last two as asked.
         *
         * @param residual null, or a tensor of the output's shape; it is consumed: its memory becomes the output
         */
        Tensor apply(Tensor images, Tensor residual, boolean relu);

        /** Memory that it holds, packed copies included: one may be made for every shape of images. */
        long bytes();

        @Override
        void close();
    }

    @Override
    void close();
}
