package dev.palimpsest.engine;

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
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The operations of one device behind an {@link Engine}, for those who write engines. Each operation is the engine's
 * of the same name, where shapes and meaning are described.
 *
 * <p>A backend may assume what the engine has checked: that it is open and called by the thread that opened it; that
 * tensors are its own (it is their {@link Tensor#owner()}) and held; that ranks, shapes, layouts, ranges and sizes of
 * memory fit. It need not check any of that again. What fails on the device is a subclass of {@link EngineException},
 * after which the next call must work as if this one had not been made, unless the device is lost.
 */
public interface Backend extends AutoCloseable {
    /**
     * See {@link Engine#description}.
     *
     * @return one line
     */
    String description();

    /**
     * See {@link Engine#threads}.
     *
     * @return at least 1
     */
    int threads();

    /**
     * See {@link Engine#allocatedBytes}.
     *
     * @return bytes
     */
    long allocatedBytes();

    /** See {@link Engine#trim}; a backend that builds nothing for each shape has nothing to do. */
    default void trim() {}

    /**
     * See {@link Engine#stepsAhead}.
     *
     * @return at least 0
     */
    int stepsAhead();

    /**
     * See {@link Engine#allocate}.
     *
     * @param shape of the tensor
     * @return row-major, with undefined values
     */
    Tensor allocate(Shape shape);

    /**
     * See {@link Engine#tensor}.
     *
     * @param shape of the tensor
     * @param values as many as the shape has elements, row-major
     * @return row-major
     */
    Tensor tensor(Shape shape, float[] values);

    /**
     * See {@link Engine#wrap}.
     *
     * @param shape of the tensor
     * @param rowMajor off-heap memory of at least as many bytes, aligned to 4 bytes
     * @return row-major
     */
    Tensor wrap(Shape shape, MemorySegment rowMajor);

    /**
     * Takes the memory of a tensor back that its last holder released.
     *
     * @param tensor not borrowed
     */
    void free(Tensor tensor);

    /**
     * See {@link Engine#toArray}.
     *
     * @param tensor in either layout
     * @return its values in row-major order
     */
    float[] toArray(Tensor tensor);

    /**
     * See {@link Engine#convolution}.
     *
     * @param images [N, inputs, H, W] in either layout
     * @param weight of the geometry's shape
     * @param geometry of the convolution
     * @return an activation [N, outputs, H', W']
     */
    Tensor convolution(Tensor images, Parameter weight, Convolution geometry);

    /**
     * See {@link Engine#convolutionInputGradient}.
     *
     * @param gradient an activation of the output's shape
     * @param weight of the geometry's shape
     * @param geometry of the convolution
     * @param images shape of the input
     * @return an activation of the input's shape
     */
    Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images);

    /**
     * See {@link Engine#convolutionWeightGradient}.
     *
     * @param images [N, inputs, H, W] in either layout
     * @param gradient an activation of the output's shape
     * @param weight of the geometry's shape, whose gradient grows
     * @param geometry of the convolution
     */
    void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry);

    /**
     * See {@link Engine#batchNorm}.
     *
     * @param input an activation with the norm's channels
     * @param norm with its parameters
     * @param relu whether a ReLU follows
     * @param frozen whether the running statistics are used and stay
     * @return the output and what the gradient needs
     */
    BatchNorm.Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen);

    /**
     * See {@link Engine#batchNormGradient}.
     *
     * @param gradient an activation of the input's shape
     * @param input as it was normalised
     * @param forward what {@link #batchNorm} gave for it
     * @return an activation of the input's shape
     */
    Tensor batchNormGradient(Tensor gradient, Tensor input, BatchNorm.Normalised forward);

    /**
     * See {@link Engine#normalisedConvolution}. One operation after the other, unless the device can do better.
     *
     * @param images [N, inputs, H, W] in either layout
     * @param weight of the geometry's shape
     * @param geometry of the convolution
     * @param norm of its outputs
     * @param residual of the output's shape, or null
     * @param relu whether a ReLU follows
     * @param frozen whether the running statistics are used and stay
     * @return the output and what the gradient needs
     */
    default Convolution.Normalised normalisedConvolution(
            Tensor images,
            Parameter weight,
            Convolution geometry,
            BatchNorm norm,
            @Nullable Tensor residual,
            boolean relu,
            boolean frozen) {
        Tensor convolved = convolution(images, weight, geometry);
        BatchNorm.Normalised alone = batchNorm(convolved, norm, relu && residual == null, frozen);
        if (residual == null) {
            return new Convolution.Normalised(convolved, alone, weight, geometry);
        }
        Tensor sum = relu ? addRelu(alone.output(), residual) : add(alone.output(), residual);
        release(alone.output());
        return new Convolution.Normalised(
                convolved,
                new BatchNorm.Normalised(sum, alone.mean(), alone.variance(), null, frozen, norm),
                weight,
                geometry);
    }

    /**
     * See {@link Engine#normalisedConvolutionGradient}.
     *
     * @param gradient an activation of the output's shape
     * @param images as they were convolved
     * @param forward what {@link #normalisedConvolution} gave
     * @param wanted whether the gradient by the images is asked for
     * @param sum an activation of the images' shape to which it is added, or null
     * @return {@code sum}, if there is one; else an activation of the images' shape; null if it is not wanted
     */
    default @Nullable Tensor normalisedConvolutionGradient(
            Tensor gradient, Tensor images, Convolution.Normalised forward, boolean wanted, @Nullable Tensor sum) {
        Tensor convolved = batchNormGradient(gradient, forward.convolved(), forward.norm());
        convolutionWeightGradient(images, convolved, forward.weight(), forward.geometry());
        Tensor own = wanted
                ? convolutionInputGradient(convolved, forward.weight(), forward.geometry(), images.shape())
                : null;
        release(convolved);
        if (own == null || sum == null) {
            return own;
        }
        addScaled(sum, 1, own);
        release(own);
        return sum;
    }

    private void release(Tensor tensor) {
        if (tensor.letGo()) {
            free(tensor);
        }
    }

    /**
     * See {@link Engine#addRelu}.
     *
     * @param a of two or four axes, in either layout
     * @param b of the same shape and layout
     * @return of the same shape and layout
     */
    Tensor addRelu(Tensor a, Tensor b);

    /**
     * See {@link Engine#add}.
     *
     * @param a of two or four axes, in either layout
     * @param b of the same shape and layout
     * @return of the same shape and layout
     */
    Tensor add(Tensor a, Tensor b);

    /**
     * See {@link Engine#relu}.
     *
     * @param x of two or four axes, in either layout
     * @return of the same shape and layout
     */
    Tensor relu(Tensor x);

    /**
     * See {@link Engine#reluGradient}.
     *
     * @param gradient of the output's shape and layout
     * @param output of two or four axes, in either layout
     * @return of the same shape and layout
     */
    Tensor reluGradient(Tensor gradient, Tensor output);

    /**
     * See {@link Engine#flatten}.
     *
     * @param images [N, C, H, W] in either layout
     * @return row-major [N, C·H·W]
     */
    Tensor flatten(Tensor images);

    /**
     * See {@link Engine#unflatten}.
     *
     * @param rows row-major [N, C·H·W]
     * @param images the shape [N, C, H, W]
     * @return an activation of that shape
     */
    Tensor unflatten(Tensor rows, Shape images);

    /**
     * See {@link Engine#averagePool(Tensor, int)}.
     *
     * @param images an activation
     * @param grid parts along H and along W
     * @return row-major [N, C·grid·grid]
     */
    Tensor averagePool(Tensor images, int grid);

    /**
     * See {@link Engine#averagePoolGradient}.
     *
     * @param gradient row-major [N, C]
     * @param images shape of the input
     * @return an activation of that shape
     */
    Tensor averagePoolGradient(Tensor gradient, Shape images);

    /**
     * See {@link Engine#maxPool}.
     *
     * @param images an activation
     * @param geometry of the windows
     * @return the maxima and what the gradient needs
     */
    MaxPooling.Pooled maxPool(Tensor images, MaxPooling geometry);

    /**
     * See {@link Engine#maxPoolGradient}.
     *
     * @param gradient an activation of the maxima's shape
     * @param images as they were pooled
     * @param forward what {@link #maxPool} gave for them
     * @return an activation of the images' shape
     */
    Tensor maxPoolGradient(Tensor gradient, Tensor images, MaxPooling.Pooled forward);

    /**
     * See {@link Engine#linear}.
     *
     * @param input row-major [N, in]
     * @param weight [out, in]
     * @param bias [out]
     * @return row-major [N, out]
     */
    Tensor linear(Tensor input, Parameter weight, Parameter bias);

    /**
     * See {@link Engine#linearGradient}.
     *
     * @param gradient row-major [N, out]
     * @param input row-major [N, in]
     * @param weight [out, in], whose gradient grows
     * @param bias [out], whose gradient grows
     * @return row-major [N, in]
     */
    Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias);

    /**
     * See {@link Engine#addScaled}.
     *
     * @param target which grows
     * @param factor of the source
     * @param source of the target's shape and layout
     */
    void addScaled(Tensor target, float factor, Tensor source);

    /**
     * See {@link Engine#scaled}.
     *
     * @param factor of the source
     * @param source in either layout
     * @return of the source's shape and layout
     */
    Tensor scaled(float factor, Tensor source);

    /**
     * See {@link Engine#columns}.
     *
     * @param matrix row-major
     * @param columns within it
     * @return row-major [rows, columns]
     */
    Tensor columns(Tensor matrix, ClassRange columns);

    /**
     * See {@link Engine#chosenRows}.
     *
     * @param oneHot row-major [B, matrices]
     * @param matrices row-major [B, C], at least one
     * @return row-major [B, C]
     */
    Tensor chosenRows(Tensor oneHot, List<Tensor> matrices);

    /**
     * See {@link Engine#part}.
     *
     * @param tensor row-major
     * @param begin the first
     * @param end behind the last
     * @return row-major
     */
    Tensor part(Tensor tensor, int begin, int end);

    /**
     * See {@link Engine#stacked}.
     *
     * @param tensors row-major, at least one
     * @param result shape of all together
     * @return row-major
     */
    Tensor stacked(List<Tensor> tensors, Shape result);

    /**
     * See {@link Engine#softmaxCrossEntropy}.
     *
     * @param logits row-major [B, C]
     * @param labels B labels within the classes
     * @param classes within the columns
     * @return the loss and its gradient [B, C]
     */
    Loss softmaxCrossEntropy(Tensor logits, int[] labels, ClassRange classes);

    /**
     * See {@link Engine#sigmoidCrossEntropy}.
     *
     * @param logits row-major [B, C]
     * @param labels B labels below C
     * @param last null, or row-major [B, at most C]
     * @return the loss and its gradient [B, C]
     */
    Loss sigmoidCrossEntropy(Tensor logits, int[] labels, @Nullable Tensor last);

    /**
     * See {@link Engine#multiTeacherKl}.
     *
     * @param maxRows at least 1
     * @param classes at least 1
     * @param ranges of at least one class each, within the classes
     * @param temperature finite and above 0
     * @return the kernel
     */
    TeacherLoss multiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, float temperature);

    /**
     * See {@link Engine#featureMse}.
     *
     * @param maxRows at least 1
     * @param dims at least 1
     * @param teachers at least 0
     * @return the kernel
     */
    TeacherLoss featureMse(int maxRows, int dims, int teachers);

    /**
     * See {@link Engine#matrices}.
     *
     * @return an empty scope
     */
    Matrices matrices();

    /**
     * See {@link Engine#table}.
     *
     * @param rows at least 1
     * @param width at least 1
     * @return with undefined values
     */
    Table table(int rows, int width);

    /**
     * The loops of {@link Engine#optimiser}.
     *
     * @param rule of the steps
     * @return loops without parameters
     */
    Optimiser.Loops optimiserLoops(UpdateRule rule);

    /**
     * See {@link Engine#movingAverage}.
     *
     * @param targets which move
     * @param sources each of its target's size
     * @param kept a share from 0 to 1 for each pair
     * @return what moves them
     */
    MovingAverage movingAverage(List<Mirror> targets, List<Mirror> sources, float[] kept);

    /**
     * See {@link Engine#concurrently}. Never called by its own work.
     *
     * @param <T> what the work gives
     * @param images of the batch that the work reads
     * @param work to be done
     * @return what the work gives
     */
    <T> T concurrently(Tensor images, Supplier<T> work);

    /**
     * See {@link Engine#freeze(Convolution, MemorySegment, MemorySegment)}.
     *
     * @param geometry of the convolution
     * @param weight float32 of the geometry's shape
     * @param bias float32, one for each output channel
     * @return the convolution
     */
    Convolution.Frozen freeze(Convolution geometry, MemorySegment weight, MemorySegment bias);

    /**
     * See {@link Engine#freeze(Convolution, Parameter, SnapshotMask, MemorySegment, MemorySegment)}.
     *
     * @param geometry of the convolution
     * @param present weight of the geometry's shape
     * @param mask of as many weights
     * @param scale float32, one for each output channel
     * @param bias float32, one for each output channel
     * @return the convolution
     */
    Convolution.Frozen freeze(
            Convolution geometry, Parameter present, SnapshotMask mask, MemorySegment scale, MemorySegment bias);

    /** Frees everything, and brings home what only the device has. Called once, by the thread that opened it. */
    @Override
    void close();
}
