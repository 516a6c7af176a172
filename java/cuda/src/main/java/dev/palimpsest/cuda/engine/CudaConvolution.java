package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionBwdDataAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionBwdFilterAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionFwdAlgo;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnDeterminism;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;
import org.jspecify.annotations.Nullable;

/**
 * cuDNN's convolution for one geometry and shape of images, each direction with the algorithm that was the fastest
 * when it was first needed. Where runs must repeat, cuDNN's own prediction takes the place of the trial, and
 * algorithms whose sums come in any order are left out.
 */
final class CudaConvolution {
    record Key(Convolution geometry, Shape images) {}

    /** An algorithm by cuDNN's number, and the scratch memory that it needs. */
    private record Algorithm(int number, long scratch) {}

    private static final int MOST_TRIED = 8;
    /** More scratch memory than this is not worth what an algorithm saves. */
    private static final long MOST_SCRATCH = 512L << 20;

    private final CudaContext engine;
    private final Convolution geometry;
    private final Shape images;
    private final Shape output;
    private final cudnnTensorDescriptor from;
    private final cudnnTensorDescriptor to;
    private final cudnnFilterDescriptor filter;
    private final cudnnConvolutionDescriptor convolution;
    private @Nullable Algorithm forward;
    private @Nullable Algorithm inputGradient;
    private @Nullable Algorithm weightGradient;
    private @Nullable Algorithm withoutActivation;

    CudaConvolution(CudaContext engine, Key key) {
        this.engine = engine;
        geometry = key.geometry;
        images = key.images;
        output = geometry.outputShape(images);
        CudaDescriptors descriptors = engine.descriptors();
        from = descriptors.tensor(images);
        to = descriptors.tensor(output);
        filter = descriptors.filter(geometry.weightShape());
        convolution = descriptors.convolution(geometry);
    }

    Tensor forward(Tensor input, Parameter weight) {
        Algorithm chosen = forwardAlgorithm();
        Tensor result = engine.activation(output);
        CudaStreamContext streamContext = engine.streamContext();
        CudaStreamContext.check(
                JCudnn.cudnnConvolutionForward(
                        streamContext.dnn(),
                        CudaContext.ONE,
                        from,
                        engine.pointer(input),
                        filter,
                        engine.mirrors().read(weight.valueMirror()).pointer(),
                        convolution,
                        chosen.number,
                        streamContext.scratch(chosen.scratch),
                        chosen.scratch,
                        CudaContext.ZERO,
                        to,
                        engine.pointer(result)),
                "a convolution");
        return result;
    }

    Tensor inputGradient(Tensor gradient, Parameter weight) {
        if (inputGradient == null) {
            inputGradient = findInputGradient();
        }
        Tensor result = engine.activation(images);
        CudaStreamContext streamContext = engine.streamContext();
        CudaStreamContext.check(
                JCudnn.cudnnConvolutionBackwardData(
                        streamContext.dnn(),
                        CudaContext.ONE,
                        filter,
                        engine.mirrors().read(weight.valueMirror()).pointer(),
                        to,
                        engine.pointer(gradient),
                        convolution,
                        inputGradient.number,
                        streamContext.scratch(inputGradient.scratch),
                        inputGradient.scratch,
                        CudaContext.ZERO,
                        from,
                        engine.pointer(result)),
                "the gradient of a convolution by its input");
        return result;
    }

    void weightGradient(Tensor input, Tensor gradient, Parameter weight) {
        if (weightGradient == null) {
            weightGradient = findWeightGradient();
        }
        CudaStreamContext streamContext = engine.streamContext();
        CudaStreamContext.check(
                JCudnn.cudnnConvolutionBackwardFilter(
                        streamContext.dnn(),
                        CudaContext.ONE,
                        from,
                        engine.pointer(input),
                        to,
                        engine.pointer(gradient),
                        convolution,
                        weightGradient.number,
                        streamContext.scratch(weightGradient.scratch),
                        weightGradient.scratch,
                        CudaContext.ONE,
                        filter,
                        engine.mirrors().write(weight.gradientMirror()).pointer()),
                "the gradient of a convolution by its weight");
    }

    /** relu(convolution + bias + residual); the residual's memory becomes the output. */
    Tensor frozen(Tensor input, Pointer weight, Pointer bias, @Nullable Tensor residual, boolean relu) {
        // cuDNN can leave the activation out with this one algorithm only.
        Algorithm chosen = relu ? forwardAlgorithm() : withoutActivation();
        Tensor result = residual != null ? residual : engine.activation(output);
        CudaStreamContext streamContext = engine.streamContext();
        CudaStreamContext.check(
                JCudnn.cudnnConvolutionBiasActivationForward(
                        streamContext.dnn(),
                        CudaContext.ONE,
                        from,
                        engine.pointer(input),
                        filter,
                        weight,
                        convolution,
                        chosen.number,
                        streamContext.scratch(chosen.scratch),
                        chosen.scratch,
                        residual != null ? CudaContext.ONE : CudaContext.ZERO,
                        to,
                        engine.pointer(result),
                        engine.descriptors().channels(geometry.outputs()),
                        bias,
                        engine.descriptors().activation(relu),
                        to,
                        engine.pointer(result)),
                "a frozen convolution");
        return result;
    }

    private Algorithm withoutActivation() {
        if (withoutActivation == null) {
            int number = cudnnConvolutionFwdAlgo.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
            long[] bytes = new long[1];
            CudaStreamContext.check(
                    JCudnn.cudnnGetConvolutionForwardWorkspaceSize(
                            engine.streamContext().dnn(), from, filter, convolution, to, number, bytes),
                    "asking for a convolution's scratch memory");
            withoutActivation = new Algorithm(number, bytes[0]);
        }
        return withoutActivation;
    }

    private Algorithm forwardAlgorithm() {
        if (forward == null) {
            var found = new cudnnConvolutionFwdAlgoPerf[MOST_TRIED];
            Arrays.setAll(found, i -> new cudnnConvolutionFwdAlgoPerf());
            int[] count = new int[1];
            CudaStreamContext.check(
                    engine.options().deterministic()
                            ? JCudnn.cudnnGetConvolutionForwardAlgorithm_v7(
                                    engine.streamContext().dnn(),
                                    from,
                                    filter,
                                    convolution,
                                    to,
                                    MOST_TRIED,
                                    count,
                                    found)
                            : JCudnn.cudnnFindConvolutionForwardAlgorithm(
                                    engine.streamContext().dnn(),
                                    from,
                                    filter,
                                    convolution,
                                    to,
                                    MOST_TRIED,
                                    count,
                                    found),
                    "choosing a convolution's algorithm");
            forward = Arrays.stream(found, 0, count[0])
                    .map(p -> usable(p.algo, p.status, p.memory, p.determinism))
                    .filter(Objects::nonNull)
                    .findFirst()
                    .orElseThrow(this::none);
        }
        return forward;
    }

    private Algorithm findInputGradient() {
        var found = new cudnnConvolutionBwdDataAlgoPerf[MOST_TRIED];
        Arrays.setAll(found, i -> new cudnnConvolutionBwdDataAlgoPerf());
        int[] count = new int[1];
        CudaStreamContext.check(
                engine.options().deterministic()
                        ? JCudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(
                                engine.streamContext().dnn(), filter, to, convolution, from, MOST_TRIED, count, found)
                        : JCudnn.cudnnFindConvolutionBackwardDataAlgorithm(
                                engine.streamContext().dnn(), filter, to, convolution, from, MOST_TRIED, count, found),
                "choosing the algorithm of a convolution's gradient by its input");
        return Arrays.stream(found, 0, count[0])
                .map(p -> usable(p.algo, p.status, p.memory, p.determinism))
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(this::none);
    }

    private Algorithm findWeightGradient() {
        var found = new cudnnConvolutionBwdFilterAlgoPerf[MOST_TRIED];
        Arrays.setAll(found, i -> new cudnnConvolutionBwdFilterAlgoPerf());
        int[] count = new int[1];
        CudaStreamContext.check(
                engine.options().deterministic()
                        ? JCudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                                engine.streamContext().dnn(), from, to, convolution, filter, MOST_TRIED, count, found)
                        : JCudnn.cudnnFindConvolutionBackwardFilterAlgorithm(
                                engine.streamContext().dnn(), from, to, convolution, filter, MOST_TRIED, count, found),
                "choosing the algorithm of a convolution's gradient by its weight");
        return Arrays.stream(found, 0, count[0])
                .map(p -> usable(p.algo, p.status, p.memory, p.determinism))
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(this::none);
    }

    /** The algorithm as one of ours, or null if it will not do. */
    private @Nullable Algorithm usable(int number, int status, long scratch, int determinism) {
        boolean good = status == 0
                && scratch <= MOST_SCRATCH
                && (!engine.options().deterministic() || determinism == cudnnDeterminism.CUDNN_DETERMINISTIC);
        return good ? new Algorithm(number, scratch) : null;
    }

    private CudaException none() {
        return new CudaException(
                CudaException.Kind.REFUSED,
                "cuDNN has no " + (engine.options().deterministic() ? "deterministic " : "")
                        + "algorithm for the convolution " + geometry + " of images " + images);
    }
}
