package dev.palimpsest.engine;

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
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The layer maths of one device; {@link Engines} opens them. Images and activations are [N, C, H, W], matrices [N,
 * features], all float32. An activation lies in the engine's own order, as convolutions give it; everything else is
 * row-major. Tensors that operations return come from the engine's workspace and go back with {@link #release}; after
 * the first step over given shapes nothing is allocated off-heap. Gradients of parameters are added to
 * {@link Parameter#updateGradient()}.
 *
 * <p>Arguments are checked here, once and in the same words on every device: each operation throws
 * {@link IllegalArgumentException} for a wrong rank, shape, layout or size, for a tensor of another engine and for one
 * that was released. An engine belongs to the thread that opened it; a call of another thread and every call after
 * {@link #close} is an {@link IllegalStateException}. What fails on the device is an {@link EngineException}. A
 * refused call changes nothing.
 */
public final class Engine implements AutoCloseable {
    private final Backend backend;
    private final Guard guard;
    private boolean concurrent;

    /**
     * An engine over operations that were written elsewhere. It belongs to the calling thread.
     *
     * @param backend which it closes
     */
    public Engine(Backend backend) {
        this.backend = backend;
        this.guard = new Guard(backend);
    }

    /**
     * What computes, for {@code doctor} and run.json.
     *
     * @return one line: library, version, instruction set or device, threads
     */
    public String description() {
        return backend.description();
    }

    /**
     * The threads of the processor that it may use.
     *
     * @return at least 1
     */
    public int threads() {
        return backend.threads();
    }

    /**
     * Memory that the engine has taken: constant in steady state.
     *
     * @return bytes off-heap, or on the device
     */
    public long allocatedBytes() {
        return backend.allocatedBytes();
    }

    /**
     * Lets go of memory that no tensor has and of what was built for the shapes of batches so far, so that neither
     * grows with every shape that comes once. What is needed again is built again; frozen networks keep what is
     * theirs. Results are the same bit for bit.
     */
    public void trim() {
        guard.enter();
        backend.trim();
    }

    /**
     * How many training steps may be under way on a device before their losses are asked for.
     *
     * @return 0 if a loss is there when its call returns; otherwise asking at once would make the device wait for the
     *     host
     */
    public int stepsAhead() {
        return backend.stepsAhead();
    }

    /**
     * A row-major tensor with undefined values.
     *
     * @param shape of any rank
     * @return to be released by the caller
     */
    public Tensor allocate(Shape shape) {
        guard.enter();
        return backend.allocate(shape);
    }

    /**
     * A row-major tensor with these values, for what is computed outside the engine.
     *
     * @param shape of any rank
     * @param values as many as the shape has elements
     * @return to be released by the caller
     */
    public Tensor tensor(Shape shape, float[] values) {
        guard.enter();
        Checks.values(shape, values);
        return backend.tensor(shape, values);
    }

    /**
     * A row-major tensor of what memory of the caller's holds now: copied at once, so that the caller may reuse or free
     * it.
     *
     * @param shape of any rank
     * @param rowMajor off-heap memory of at least as many bytes, aligned to 4 bytes
     * @return to be released by the caller
     */
    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        guard.enter();
        Checks.memory(shape, rowMajor);
        return backend.wrap(shape, rowMajor).asReadOnly();
    }

    /**
     * Lets one holder of the tensor go. Allowed after {@link #close}, which freed the memory.
     *
     * @param tensor of this engine
     * @throws IllegalStateException if nobody holds it any more
     */
    public void release(Tensor tensor) {
        guard.made("what is released", tensor);
        if (tensor.letGo() && !guard.isClosed()) {
            guard.enter();
            backend.free(tensor);
        }
    }

    /**
     * Brings a tensor's values home; waits for the device.
     *
     * @param tensor in either layout
     * @return the values in row-major order
     */
    public float[] toArray(Tensor tensor) {
        guard.enter();
        guard.held("what is read", tensor);
        return backend.toArray(tensor);
    }

    /**
     * A convolution.
     *
     * @param images [N, inputs, H, W] in either layout
     * @param weight [outputs, inputs, kernel, kernel]
     * @param geometry of the convolution
     * @return an activation [N, outputs, H', W']
     */
    public Tensor convolution(Tensor images, Parameter weight, Convolution geometry) {
        guard.enter();
        guard.own("what is convolved", images);
        geometry.outputShape(images.shape());
        Checks.weight(weight, geometry);
        return backend.convolution(images, weight, geometry);
    }

    /**
     * The gradient of a convolution by its images.
     *
     * @param gradient of the output, an activation
     * @param weight [outputs, inputs, kernel, kernel]
     * @param geometry of the convolution
     * @param images shape of the input [N, inputs, H, W]
     * @return an activation of that shape
     */
    public Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images) {
        guard.enter();
        guard.activation("the gradient of the convolution's output", geometry.outputShape(images), gradient);
        Checks.weight(weight, geometry);
        return backend.convolutionInputGradient(gradient, weight, geometry, images);
    }

    /**
     * Adds a convolution's gradient by its weight to that of the parameter.
     *
     * @param images as they were convolved
     * @param gradient of the output, an activation
     * @param weight [outputs, inputs, kernel, kernel]
     * @param geometry of the convolution
     */
    public void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry) {
        guard.enter();
        guard.own("what is convolved", images);
        Shape output = geometry.outputShape(images.shape());
        guard.activation("the gradient of the convolution's output", output, gradient);
        Checks.weight(weight, geometry);
        backend.convolutionWeightGradient(images, gradient, weight, geometry);
    }

    /**
     * Normalises with the batch's statistics and updates the running ones, or, if {@code frozen}, with the running
     * ones, which then stay.
     *
     * @param input an activation with the norm's channels; more than one value per channel unless frozen, since their
     *     variance would be zero
     * @param norm with its parameters
     * @param relu whether a ReLU follows
     * @param frozen whether the running statistics are used and stay
     * @return an activation of the input's shape, and what its gradient needs
     */
    public BatchNorm.Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        guard.enter();
        guard.activation("batch norm's input", input);
        Checks.batchNorm(input.shape(), norm, frozen);
        return backend.batchNorm(input, norm, relu, frozen);
    }

    /**
     * The gradient of batch norm by its input; adds to the gradients of scale and shift.
     *
     * @param gradient of the output, an activation
     * @param input as it was normalised
     * @param forward what {@link #batchNorm} gave for it, nothing of which was released
     * @return an activation of the input's shape
     */
    public Tensor batchNormGradient(Tensor gradient, Tensor input, BatchNorm.Normalised forward) {
        guard.enter();
        Shape shape = forward.output().shape();
        guard.activation("batch norm's input", shape, input);
        guard.activation("the gradient of batch norm's output", shape, gradient);
        Checks.saved(guard, "what batch norm saved", forward);
        return backend.batchNormGradient(gradient, input, forward);
    }

    /**
     * A convolution, its batch norm and what rides on it, in as few passes over memory as the device can:
     * norm(weight ∗ images) + residual, and a ReLU behind it. The bits are those of the operations one by one.
     *
     * @param images [N, inputs, H, W] in either layout
     * @param weight [outputs, inputs, kernel, kernel]
     * @param geometry of the convolution
     * @param norm of its outputs, as in {@link #batchNorm}
     * @param residual an activation [N, outputs, H', W'] that is added, or null
     * @param relu whether a ReLU follows
     * @param frozen whether the norm's running statistics are used and stay
     * @return an activation [N, outputs, H', W'], and what its gradient needs
     */
    public Convolution.Normalised normalisedConvolution(
            Tensor images,
            Parameter weight,
            Convolution geometry,
            BatchNorm norm,
            @Nullable Tensor residual,
            boolean relu,
            boolean frozen) {
        guard.enter();
        guard.own("what is convolved", images);
        Shape output = geometry.outputShape(images.shape());
        Checks.weight(weight, geometry);
        Checks.batchNorm(output, norm, frozen);
        if (residual != null) {
            guard.activation("the residual", output, residual);
        }
        return backend.normalisedConvolution(images, weight, geometry, norm, residual, relu, frozen);
    }

    /**
     * The gradient of a normalised convolution by its images; adds to the gradients of its weight and of the norm's
     * scale and shift. The residual's is the gradient that is given here.
     *
     * @param gradient of the output, an activation; where a residual was added and a ReLU followed, what
     *     {@link #reluGradient} lets through
     * @param images as they were convolved
     * @param forward what {@link #normalisedConvolution} gave for them, nothing of which was released
     * @param wanted whether the gradient by the images is asked for
     * @param sum an activation of the images' shape to which it is added, or null
     * @return {@code sum}, if there is one; else an activation of the images' shape; null if it is not wanted
     */
    public @Nullable Tensor normalisedConvolutionGradient(
            Tensor gradient, Tensor images, Convolution.Normalised forward, boolean wanted, @Nullable Tensor sum) {
        guard.enter();
        guard.own("what is convolved", images);
        Checks.weight(forward.weight(), forward.geometry());
        Shape output = forward.geometry().outputShape(images.shape());
        guard.activation("what was convolved", output, forward.convolved());
        guard.activation(
                "the normalised convolution's output", output, forward.norm().output());
        guard.activation("the gradient of the normalised convolution's output", output, gradient);
        Checks.saved(guard, "what a normalised convolution saved", forward.norm());
        if (sum != null) {
            guard.activation("what the gradient is added to", images.shape(), sum);
            Checks.writable("what the gradient is added to", sum);
        }
        return backend.normalisedConvolutionGradient(gradient, images, forward, wanted, sum);
    }

    /**
     * The end of a residual block.
     *
     * @param a of two or four axes, in either layout
     * @param b of the same shape and layout, possibly the same
     * @return max(a + b, 0), of their shape and layout
     */
    public Tensor addRelu(Tensor a, Tensor b) {
        guard.enter();
        guard.elementwise("a residual sum's part", a);
        guard.elementwise("a residual sum's part", b);
        Checks.same(a, b);
        return backend.addRelu(a, b);
    }

    /**
     * A sum.
     *
     * @param a of two or four axes, in either layout
     * @param b of the same shape and layout, possibly the same
     * @return a + b, of their shape and layout
     */
    public Tensor add(Tensor a, Tensor b) {
        guard.enter();
        guard.elementwise("a sum's part", a);
        guard.elementwise("a sum's part", b);
        Checks.same(a, b);
        return backend.add(a, b);
    }

    /**
     * A ReLU.
     *
     * @param x of two or four axes, in either layout
     * @return max(x, 0), of its shape and layout; NaN stays NaN
     */
    public Tensor relu(Tensor x) {
        guard.enter();
        guard.elementwise("ReLU's input", x);
        return backend.relu(x);
    }

    /**
     * The gradient of a ReLU by its input.
     *
     * @param gradient of the output, of its shape and layout
     * @param output of the ReLU, of two or four axes, in either layout
     * @return the gradient where the output is positive, elsewhere 0
     */
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        guard.enter();
        guard.elementwise("the output of ReLU", output);
        guard.elementwise("the gradient of ReLU's output", gradient);
        Checks.same(gradient, output);
        return backend.reluGradient(gradient, output);
    }

    /**
     * Images as rows of a matrix, channel by channel.
     *
     * @param images [N, C, H, W] in either layout
     * @return row-major [N, C·H·W]
     */
    public Tensor flatten(Tensor images) {
        guard.enter();
        guard.own("what is flattened", images);
        Checks.images("flattening", images.shape());
        return backend.flatten(images);
    }

    /**
     * Rows of a matrix as images: the gradient of {@link #flatten}.
     *
     * @param rows row-major [N, C·H·W]
     * @param images the shape [N, C, H, W]
     * @return an activation of that shape
     */
    public Tensor unflatten(Tensor rows, Shape images) {
        guard.enter();
        Checks.images("flattening", images);
        int width = Math.toIntExact(images.elements() / images.extent(0));
        guard.matrix("the gradient of flattened images", Shape.of(images.extent(0), width), rows);
        return backend.unflatten(rows, images);
    }

    /**
     * Mean over H and W.
     *
     * @param images an activation [N, C, H, W]
     * @return row-major [N, C]
     */
    public Tensor averagePool(Tensor images) {
        guard.enter();
        guard.activation("average pooling's input", images);
        Checks.images("average pooling", images.shape());
        return backend.averagePool(images, 1);
    }

    /**
     * Means over the parts of a grid: windows of equal size, ⌊H / grid⌋ apart, of which the last ends with the images,
     * so that they overlap where H is no multiple of the grid; along W likewise.
     *
     * @param images an activation [N, C, H, W]
     * @param grid parts along H and along W, at most as many as there are positions
     * @return row-major [N, C·grid·grid]: of each channel one row of the grid after the other
     */
    public Tensor averagePool(Tensor images, int grid) {
        guard.enter();
        guard.activation("average pooling's input", images);
        Checks.images("average pooling", images.shape());
        Checks.grid(images.shape(), grid);
        return backend.averagePool(images, grid);
    }

    /**
     * The gradient of {@link #averagePool(Tensor)} by its images.
     *
     * @param gradient of the means, row-major [N, C]
     * @param images shape of the input [N, C, H, W]
     * @return an activation of that shape
     */
    public Tensor averagePoolGradient(Tensor gradient, Shape images) {
        guard.enter();
        Checks.images("average pooling", images);
        guard.matrix("the gradient of the means", Shape.of(images.extent(0), images.extent(1)), gradient);
        return backend.averagePoolGradient(gradient, images);
    }

    /**
     * The maximum of every window of every channel.
     *
     * @param images an activation [N, C, H, W]
     * @param geometry of the windows
     * @return an activation [N, C, H', W'], and what its gradient needs
     */
    public MaxPooling.Pooled maxPool(Tensor images, MaxPooling geometry) {
        guard.enter();
        guard.activation("maximum pooling's input", images);
        geometry.outputShape(images.shape());
        return backend.maxPool(images, geometry);
    }

    /**
     * Each window's gradient at its maximum; where several are equal, at one of them.
     *
     * @param gradient of the maxima, an activation
     * @param images as they were pooled
     * @param forward what {@link #maxPool} gave for them, nothing of which was released
     * @return an activation of the images' shape
     */
    public Tensor maxPoolGradient(Tensor gradient, Tensor images, MaxPooling.Pooled forward) {
        guard.enter();
        guard.activation("maximum pooling's input", images);
        guard.activation("the maxima", forward.geometry().outputShape(images.shape()), forward.output());
        guard.activation("the gradient of the maxima", forward.output().shape(), gradient);
        forward.saved().forEach(saved -> guard.held("what maximum pooling saved", saved));
        return backend.maxPoolGradient(gradient, images, forward);
    }

    /**
     * A fully connected layer.
     *
     * @param input row-major [N, in]
     * @param weight [out, in]
     * @param bias [out]
     * @return input·weightᵀ + bias, row-major [N, out]
     */
    public Tensor linear(Tensor input, Parameter weight, Parameter bias) {
        guard.enter();
        guard.matrix("a linear layer's input", input);
        Checks.linear(input, weight, bias);
        return backend.linear(input, weight, bias);
    }

    /**
     * The gradient of a fully connected layer by its input; adds to the gradients of weight and bias.
     *
     * @param gradient of the output, row-major [N, out]
     * @param input row-major [N, in]
     * @param weight [out, in]
     * @param bias [out]
     * @return row-major [N, in]
     */
    public Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        guard.enter();
        guard.matrix("a linear layer's input", input);
        Checks.linear(input, weight, bias);
        Shape output = Shape.of(input.shape().extent(0), weight.shape().extent(0));
        guard.matrix("the gradient of the linear layer's output", output, gradient);
        return backend.linearGradient(gradient, input, weight, bias);
    }

    /**
     * target += factor · source, in place.
     *
     * @param target in either layout, not of {@link #wrap}
     * @param factor of the source
     * @param source of the target's shape and layout
     * @throws IllegalArgumentException if the two do not fit, or the target stands for memory of the caller's
     */
    public void addScaled(Tensor target, float factor, Tensor source) {
        guard.enter();
        guard.own("the target of a sum", target);
        guard.own("the source of a sum", source);
        Checks.same(target, source);
        Checks.writable("the target of a sum", target);
        backend.addScaled(target, factor, source);
    }

    /**
     * A multiple.
     *
     * @param factor of the source
     * @param source in either layout
     * @return factor · source, of the source's shape and layout
     */
    public Tensor scaled(float factor, Tensor source) {
        guard.enter();
        guard.own("the source of a multiple", source);
        return backend.scaled(factor, source);
    }

    /**
     * The given columns of a matrix.
     *
     * @param matrix row-major [rows, columns]
     * @param columns within it
     * @return row-major [rows, size of the range]
     */
    public Tensor columns(Tensor matrix, ClassRange columns) {
        guard.enter();
        guard.matrix("what columns are taken of", matrix);
        Checks.columns(matrix, columns);
        return backend.columns(matrix, columns);
    }

    /**
     * The rows that one-hot rows choose of several matrices.
     *
     * @param oneHot row-major [B, matrices]; rows without a 1 give undefined values
     * @param matrices row-major [B, C], at least one
     * @return row-major [B, C]
     */
    public Tensor chosenRows(Tensor oneHot, List<Tensor> matrices) {
        guard.enter();
        if (matrices.isEmpty()) {
            throw new IllegalArgumentException("expected at least one matrix to choose rows of, got none");
        }
        guard.matrix("a matrix to choose rows of", matrices.getFirst());
        Shape shape = matrices.getFirst().shape();
        matrices.forEach(each -> guard.matrix("a matrix to choose rows of", shape, each));
        guard.matrix(
                "one-hot rows of " + matrices.size() + " matrices", Shape.of(shape.extent(0), matrices.size()), oneHot);
        return backend.chosenRows(oneHot, matrices);
    }

    /**
     * A part of the outermost axis.
     *
     * @param tensor row-major, of at least one axis
     * @param begin the first
     * @param end behind the last, above the first
     * @return row-major, extents begin to end − 1
     * @throws IndexOutOfBoundsException if the part lies outside
     */
    public Tensor part(Tensor tensor, int begin, int end) {
        guard.enter();
        guard.rowMajor("what a part is taken of", tensor);
        Objects.checkFromToIndex(begin, end, tensor.shape().extent(0));
        Checks.positive("extents in a part", end - begin);
        return backend.part(tensor, begin, end);
    }

    /**
     * Tensors one after another along the outermost axis.
     *
     * @param tensors row-major, at least one; their other extents are the same
     * @return row-major
     */
    public Tensor stacked(List<Tensor> tensors) {
        guard.enter();
        if (tensors.isEmpty()) {
            throw new IllegalArgumentException("expected at least one tensor to stack, got none");
        }
        Shape first = tensors.getFirst().shape();
        int rows = 0;
        for (Tensor tensor : tensors) {
            guard.rowMajor("each tensor of the stack", tensor);
            int extent = tensor.shape().extent(0);
            Guard.shape("each tensor of the stack", Checks.with(first, extent), tensor);
            rows = Math.addExact(rows, extent);
        }
        return backend.stacked(tensors, Checks.with(first, rows));
    }

    /**
     * Mean over rows of −log softmax(z[classes])[label], in nats.
     *
     * @param logits row-major [B, C], B at least 1
     * @param labels B labels within the classes
     * @param classes the columns that take part
     * @return the loss and its gradient [B, C]
     */
    public Loss softmaxCrossEntropy(Tensor logits, int[] labels, ClassRange classes) {
        guard.enter();
        guard.matrix("cross-entropy's logits", logits);
        Checks.labels(logits, labels, classes);
        return backend.softmaxCrossEntropy(logits, labels, classes);
    }

    /**
     * Mean over rows of the sigmoid cross-entropy, summed over all columns, in nats. The target of a column is the
     * sigmoid of the last model's logit where it has one, and elsewhere 1 for the label and 0 for the others.
     *
     * @param logits row-major [B, C], B at least 1
     * @param labels B labels below C
     * @param last null for none, or row-major [B, at most C]
     * @return the loss and its gradient [B, C]
     */
    public Loss sigmoidCrossEntropy(Tensor logits, int[] labels, @Nullable Tensor last) {
        guard.enter();
        guard.matrix("cross-entropy's logits", logits);
        Checks.labels(logits, labels, new ClassRange(0, logits.shape().extent(1)));
        if (last != null) {
            guard.matrix("the last model's logits", last);
            Checks.targets(logits.shape(), last.shape());
        }
        return backend.sigmoidCrossEntropy(logits, labels, last);
    }

    /**
     * The kernel {@link MultiTeacherKl}.
     *
     * @param maxRows the most rows that a batch will have, at least 1
     * @param classes columns of the student, at least 1
     * @param ranges the classes of each teacher, at least one each
     * @param temperature from 1e-30 to 1e30
     * @return the kernel, to be closed by the caller
     */
    public TeacherLoss multiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, float temperature) {
        guard.enter();
        Checks.positive("the most rows", maxRows);
        Checks.positive("the student's classes", classes);
        Checks.teachers(classes, ranges, temperature);
        return new CheckedTeacherLoss(
                guard,
                backend.multiTeacherKl(maxRows, classes, ranges, temperature),
                maxRows,
                classes,
                ranges.stream().mapToInt(ClassRange::size).toArray());
    }

    /**
     * The kernel {@link FeatureMse}.
     *
     * @param maxRows the most rows that a batch will have, at least 1
     * @param dims features of a row, at least 1
     * @param teachers how many; may be 0
     * @return the kernel, to be closed by the caller
     */
    public TeacherLoss featureMse(int maxRows, int dims, int teachers) {
        guard.enter();
        Checks.positive("the most rows", maxRows);
        Checks.positive("the features of a row", dims);
        if (teachers < 0) {
            throw new IllegalArgumentException(teachers + " teachers: expected at least 0");
        }
        int[] columns = new int[teachers];
        Arrays.fill(columns, dims);
        return new CheckedTeacherLoss(guard, backend.featureMse(maxRows, dims, teachers), maxRows, dims, columns);
    }

    /**
     * Matrices for the time of one loss.
     *
     * @return an empty scope, to be closed by the caller
     */
    public Matrices matrices() {
        guard.enter();
        return new CheckedMatrices(guard, backend.matrices());
    }

    /**
     * Rows that are kept for longer than a step.
     *
     * @param rows at least 1
     * @param width at least 1
     * @return with undefined values, to be closed by the caller
     */
    public Table table(int rows, int width) {
        guard.enter();
        Checks.positive("rows of a table", rows);
        Checks.positive("width of a table", width);
        return new CheckedTable(guard, backend.table(rows, width), rows, width);
    }

    /**
     * An optimiser whose state and loops are where this engine has the parameters.
     *
     * @param rule by which it moves them
     * @return one that has no parameters yet, see {@link Optimiser#track}; to be closed by the caller, before the
     *     engine
     */
    public Optimiser optimiser(UpdateRule rule) {
        guard.enter();
        return new Optimiser(backend.optimiserLoops(rule));
    }

    /**
     * Values that follow others.
     *
     * @param targets which move
     * @param sources each of its target's size
     * @param kept share that each target keeps of itself at a step, 0 to 1; 0: it becomes the source
     * @return what moves them, to be closed by the caller
     */
    public MovingAverage movingAverage(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        guard.enter();
        Checks.pairs(targets, sources, kept);
        return new CheckedMovingAverage(guard, backend.movingAverage(targets, sources, kept));
    }

    /**
     * Does a frozen network's work on these images concurrently with what else is queued on the device, if the engine
     * can: neither waits for the other until the results are used. Inside such work it just does the work.
     *
     * @param <T> what the work gives
     * @param images of the batch that the work reads
     * @param work that queues on the engine; it runs before this returns
     * @return what the work gives
     */
    public <T> T concurrently(Tensor images, Supplier<T> work) {
        guard.enter();
        guard.own("the images", images);
        if (concurrent) {
            return work.get();
        }
        concurrent = true;
        try {
            return backend.concurrently(images, work);
        } finally {
            concurrent = false;
        }
    }

    /**
     * A convolution whose weight and bias never change again, packed for fast inference.
     *
     * @param geometry of the convolution
     * @param weight float32 [OIHW], off-heap; it may be freed at once
     * @param bias float32 [O], off-heap; it may be freed at once
     * @return the convolution, to be closed by the caller
     */
    public Convolution.Frozen freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        guard.enter();
        Checks.frozen("weight", geometry.weightShape(), weight);
        Checks.frozen("bias", Shape.of(geometry.outputs()), bias);
        return new CheckedConvolution(guard, backend.freeze(geometry, weight, bias), geometry);
    }

    /**
     * The same with an earlier model's weight, rebuilt where the present one is.
     *
     * @param geometry of the convolution
     * @param present the weight as it is now [OIHW]
     * @param mask which of its weights the earlier model had
     * @param scale float32 [O], off-heap, a factor for each output channel; it may be freed at once
     * @param bias float32 [O], off-heap; it may be freed at once
     * @return the convolution, to be closed by the caller
     */
    public Convolution.Frozen freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias) {
        guard.enter();
        Checks.weight(present, geometry);
        Checks.mask(present, mask);
        Checks.frozen("scale", Shape.of(geometry.outputs()), scale);
        Checks.frozen("bias", Shape.of(geometry.outputs()), bias);
        return new CheckedConvolution(guard, backend.freeze(geometry, present, mask, scale, bias), geometry);
    }

    /** Frees everything, and brings home what only the device has. Later calls do nothing. */
    @Override
    public void close() {
        if (guard.close()) {
            backend.close();
        }
    }
}
