package dev.palimpsest.cuda.engine;

import static jcuda.jcudnn.cudnnBatchNormMode.CUDNN_BATCHNORM_SPATIAL;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnTensorDescriptor;

/**
 * Batch norm on cuDNN, and where it uses its running statistics, its gradient by a kernel of ours. A ReLU behind it is
 * a pass of its own.
 */
final class CudaBatchNorm {
    private final CudaContext engine;
    private final CudaKernel frozenGradient;

    CudaBatchNorm(CudaContext engine) {
        this.engine = engine;
        frozenGradient = engine.device().kernel("frozen_norm_gradient");
    }

    private Pointer read(Mirror mirror) {
        return engine.mirrors().read(mirror).pointer();
    }

    private Pointer write(Mirror mirror) {
        return engine.mirrors().write(mirror).pointer();
    }

    BatchNorm.Normalised forward(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        Tensor output = engine.activation(input.shape());
        cudnnTensorDescriptor images = engine.descriptors().tensor(input.shape());
        cudnnTensorDescriptor channels = engine.descriptors().channels(norm.channels());
        Tensor mean = null;
        Tensor inverseDeviation = null;
        if (frozen) {
            CudaStreamContext.check(
                    JCudnn.cudnnBatchNormalizationForwardInference(
                            engine.streamContext().dnn(),
                            CUDNN_BATCHNORM_SPATIAL,
                            CudaContext.ONE,
                            CudaContext.ZERO,
                            images,
                            engine.pointer(input),
                            images,
                            engine.pointer(output),
                            channels,
                            read(norm.scale().valueMirror()),
                            read(norm.shift().valueMirror()),
                            read(norm.runningMean().mirror()),
                            read(norm.runningVariance().mirror()),
                            BatchNorm.EPSILON),
                    "batch norm");
        } else {
            mean = engine.allocate(Shape.of(norm.channels()));
            inverseDeviation = engine.allocate(Shape.of(norm.channels()));
            CudaStreamContext.check(
                    JCudnn.cudnnBatchNormalizationForwardTraining(
                            engine.streamContext().dnn(),
                            CUDNN_BATCHNORM_SPATIAL,
                            CudaContext.ONE,
                            CudaContext.ZERO,
                            images,
                            engine.pointer(input),
                            images,
                            engine.pointer(output),
                            channels,
                            read(norm.scale().valueMirror()),
                            read(norm.shift().valueMirror()),
                            BatchNorm.MOMENTUM,
                            write(norm.runningMean().mirror()),
                            write(norm.runningVariance().mirror()),
                            BatchNorm.EPSILON,
                            engine.pointer(mean),
                            engine.pointer(inverseDeviation)),
                    "batch norm");
        }
        if (relu) {
            engine.elementwise().relu(output);
        }
        return new BatchNorm.Normalised(output, mean, inverseDeviation, relu ? output.retain() : null, frozen, norm);
    }

    Tensor backward(Tensor gradient, Tensor input, BatchNorm.Normalised saved) {
        if (saved.passed() == null) {
            return behindRelu(gradient, input, saved);
        }
        Tensor passed = engine.elementwise().reluGradient(gradient, saved.passed());
        Tensor result = behindRelu(passed, input, saved);
        engine.release(passed);
        return result;
    }

    private Tensor behindRelu(Tensor gradient, Tensor input, BatchNorm.Normalised saved) {
        Tensor result = engine.activation(input.shape());
        BatchNorm norm = saved.norm();
        if (saved.frozen()) {
            frozen(gradient, input, norm, result);
            return result;
        }
        cudnnTensorDescriptor images = engine.descriptors().tensor(input.shape());
        CudaStreamContext.check(
                JCudnn.cudnnBatchNormalizationBackward(
                        engine.streamContext().dnn(),
                        CUDNN_BATCHNORM_SPATIAL,
                        CudaContext.ONE,
                        CudaContext.ZERO,
                        CudaContext.ONE,
                        CudaContext.ONE,
                        images,
                        engine.pointer(input),
                        images,
                        engine.pointer(gradient),
                        images,
                        engine.pointer(result),
                        engine.descriptors().channels(norm.channels()),
                        read(norm.scale().valueMirror()),
                        write(norm.scale().gradientMirror()),
                        write(norm.shift().gradientMirror()),
                        BatchNorm.EPSILON,
                        engine.pointer(Objects.requireNonNull(saved.mean())),
                        engine.pointer(Objects.requireNonNull(saved.variance()))),
                "the gradient of batch norm");
        return result;
    }

    private void frozen(Tensor gradient, Tensor input, BatchNorm norm, Tensor result) {
        Shape shape = input.shape();
        DeviceBuffer scale = engine.mirrors().read(norm.scale().valueMirror());
        frozenGradient
                .with(
                        engine.address(gradient),
                        engine.address(input),
                        scale.address(),
                        engine.mirrors().read(norm.runningMean().mirror()).address(),
                        engine.mirrors().read(norm.runningVariance().mirror()).address(),
                        (double) BatchNorm.EPSILON,
                        shape.extent(0),
                        shape.extent(1),
                        (long) shape.extent(2) * shape.extent(3),
                        engine.address(result),
                        engine.mirrors().write(norm.scale().gradientMirror()).address(),
                        engine.mirrors().write(norm.shift().gradientMirror()).address())
                .run(engine.streamContext().stream());
    }
}
