package dev.palimpsest.cuda.engine;

import static jcuda.jcudnn.cudnnPoolingMode.CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING;
import static jcuda.jcudnn.cudnnPoolingMode.CUDNN_POOLING_MAX_DETERMINISTIC;

import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnPoolingDescriptor;

/** cuDNN's pooling: means over the parts of a grid, and maxima over windows. */
final class CudaPooling {
    private final CudaContext engine;

    CudaPooling(CudaContext engine) {
        this.engine = engine;
    }

    private cudnnPoolingDescriptor means(Shape images, int grid) {
        int height = images.extent(2) / grid;
        int width = images.extent(3) / grid;
        return engine.descriptors()
                .pooling(
                        CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING,
                        images.extent(2) - (grid - 1) * height,
                        images.extent(3) - (grid - 1) * width,
                        0,
                        height,
                        width);
    }

    private cudnnPoolingDescriptor maxima(MaxPooling geometry) {
        return engine.descriptors()
                .pooling(
                        CUDNN_POOLING_MAX_DETERMINISTIC,
                        geometry.kernel(),
                        geometry.kernel(),
                        geometry.padding(),
                        geometry.stride(),
                        geometry.stride());
    }

    private static Shape asImages(Shape images, int grid) {
        return Shape.of(images.extent(0), images.extent(1), grid, grid);
    }

    Tensor means(Tensor images, int grid) {
        Tensor result = engine.allocate(
                Shape.of(images.shape().extent(0), images.shape().extent(1) * grid * grid));
        forward(means(images.shape(), grid), images, result, asImages(images.shape(), grid));
        return result;
    }

    /**
     * Every position's share, which needs neither input nor output: cuDNN reads them, so they are there, and any
     * values will do.
     */
    Tensor meanGradient(Tensor gradient, Shape images) {
        Tensor result = engine.activation(images);
        backward(means(images, 1), gradient, gradient, asImages(images, 1), result, result);
        return result;
    }

    Tensor maxima(Tensor images, MaxPooling geometry) {
        Tensor result = engine.activation(geometry.outputShape(images.shape()));
        forward(maxima(geometry), images, result, result.shape());
        return result;
    }

    Tensor maximaGradient(Tensor gradient, Tensor images, Tensor output, MaxPooling geometry) {
        Tensor result = engine.activation(images.shape());
        backward(maxima(geometry), gradient, output, output.shape(), images, result);
        return result;
    }

    private void forward(cudnnPoolingDescriptor window, Tensor images, Tensor result, Shape resultImages) {
        CudaStreamContext.check(
                JCudnn.cudnnPoolingForward(
                        engine.streamContext().dnn(),
                        window,
                        CudaContext.ONE,
                        engine.descriptors().tensor(images.shape()),
                        engine.pointer(images),
                        CudaContext.ZERO,
                        engine.descriptors().tensor(resultImages),
                        engine.pointer(result)),
                "pooling");
    }

    private void backward(
            cudnnPoolingDescriptor window,
            Tensor gradient,
            Tensor output,
            Shape outputImages,
            Tensor images,
            Tensor result) {
        CudaStreamContext.check(
                JCudnn.cudnnPoolingBackward(
                        engine.streamContext().dnn(),
                        window,
                        CudaContext.ONE,
                        engine.descriptors().tensor(outputImages),
                        engine.pointer(output),
                        engine.descriptors().tensor(outputImages),
                        engine.pointer(gradient),
                        engine.descriptors().tensor(images.shape()),
                        engine.pointer(images),
                        CudaContext.ZERO,
                        engine.descriptors().tensor(result.shape()),
                        engine.pointer(result)),
                "the gradient of pooling");
    }
}
