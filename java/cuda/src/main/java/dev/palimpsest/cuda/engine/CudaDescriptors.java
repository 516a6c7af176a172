package dev.palimpsest.cuda.engine;

import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_FLOAT;
import static jcuda.jcudnn.cudnnTensorFormat.CUDNN_TENSOR_NCHW;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Shape;
import java.util.HashMap;
import java.util.Map;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnActivationDescriptor;
import jcuda.jcudnn.cudnnActivationMode;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionMode;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnMathType;
import jcuda.jcudnn.cudnnNanPropagation;
import jcuda.jcudnn.cudnnPoolingDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;

/** cuDNN's descriptions of shapes, made once each. */
final class CudaDescriptors implements AutoCloseable {
    private record Window(int mode, int height, int width, int padding, int strideY, int strideX) {}

    private final int math;
    private final Map<Shape, cudnnTensorDescriptor> tensors = new HashMap<>();
    private final Map<Shape, cudnnFilterDescriptor> filters = new HashMap<>();
    private final Map<Convolution, cudnnConvolutionDescriptor> convolutions = new HashMap<>();
    private final Map<Window, cudnnPoolingDescriptor> poolings = new HashMap<>();
    private final Map<Integer, cudnnActivationDescriptor> activations = new HashMap<>();

    CudaDescriptors(boolean tf32) {
        math = tf32 ? cudnnMathType.CUDNN_DEFAULT_MATH : cudnnMathType.CUDNN_FMA_MATH;
    }

    /** Images [N, C, H, W]. */
    cudnnTensorDescriptor tensor(Shape shape) {
        return tensors.computeIfAbsent(shape, key -> {
            cudnnTensorDescriptor made = new cudnnTensorDescriptor();
            check(JCudnn.cudnnCreateTensorDescriptor(made));
            check(JCudnn.cudnnSetTensor4dDescriptor(
                    made,
                    CUDNN_TENSOR_NCHW,
                    CUDNN_DATA_FLOAT,
                    key.extent(0),
                    key.extent(1),
                    key.extent(2),
                    key.extent(3)));
            return made;
        });
    }

    /** A value a channel. */
    cudnnTensorDescriptor channels(int count) {
        return tensor(Shape.of(1, count, 1, 1));
    }

    /** A weight [O, I, H, W]. */
    cudnnFilterDescriptor filter(Shape shape) {
        return filters.computeIfAbsent(shape, key -> {
            cudnnFilterDescriptor made = new cudnnFilterDescriptor();
            check(JCudnn.cudnnCreateFilterDescriptor(made));
            check(JCudnn.cudnnSetFilter4dDescriptor(
                    made,
                    CUDNN_DATA_FLOAT,
                    CUDNN_TENSOR_NCHW,
                    key.extent(0),
                    key.extent(1),
                    key.extent(2),
                    key.extent(3)));
            return made;
        });
    }

    cudnnConvolutionDescriptor convolution(Convolution geometry) {
        return convolutions.computeIfAbsent(geometry, key -> {
            cudnnConvolutionDescriptor made = new cudnnConvolutionDescriptor();
            check(JCudnn.cudnnCreateConvolutionDescriptor(made));
            check(JCudnn.cudnnSetConvolution2dDescriptor(
                    made,
                    key.padding(),
                    key.padding(),
                    key.stride(),
                    key.stride(),
                    1,
                    1,
                    cudnnConvolutionMode.CUDNN_CROSS_CORRELATION,
                    CUDNN_DATA_FLOAT));
            check(JCudnn.cudnnSetConvolutionMathType(made, math));
            return made;
        });
    }

    /** @param mode cudnnPoolingMode_t */
    cudnnPoolingDescriptor pooling(int mode, int height, int width, int padding, int strideY, int strideX) {
        return poolings.computeIfAbsent(new Window(mode, height, width, padding, strideY, strideX), key -> {
            cudnnPoolingDescriptor made = new cudnnPoolingDescriptor();
            check(JCudnn.cudnnCreatePoolingDescriptor(made));
            check(JCudnn.cudnnSetPooling2dDescriptor(
                    made,
                    key.mode,
                    cudnnNanPropagation.CUDNN_PROPAGATE_NAN,
                    key.height,
                    key.width,
                    key.padding,
                    key.padding,
                    key.strideY,
                    key.strideX));
            return made;
        });
    }

    /** ReLU or nothing, after a frozen convolution. */
    cudnnActivationDescriptor activation(boolean relu) {
        int mode = relu ? cudnnActivationMode.CUDNN_ACTIVATION_RELU : cudnnActivationMode.CUDNN_ACTIVATION_IDENTITY;
        return activations.computeIfAbsent(mode, key -> {
            cudnnActivationDescriptor made = new cudnnActivationDescriptor();
            check(JCudnn.cudnnCreateActivationDescriptor(made));
            check(JCudnn.cudnnSetActivationDescriptor(made, key, cudnnNanPropagation.CUDNN_PROPAGATE_NAN, 0));
            return made;
        });
    }

    private static void check(int status) {
        CudaStreamContext.check(status, "describing a layer");
    }

    @Override
    public void close() {
        tensors.values().forEach(JCudnn::cudnnDestroyTensorDescriptor);
        filters.values().forEach(JCudnn::cudnnDestroyFilterDescriptor);
        convolutions.values().forEach(JCudnn::cudnnDestroyConvolutionDescriptor);
        poolings.values().forEach(JCudnn::cudnnDestroyPoolingDescriptor);
        activations.values().forEach(JCudnn::cudnnDestroyActivationDescriptor);
    }
}
