package dev.palimpsest.engine;

import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** A convolution with bias, residual sum and ReLU in one call of cuDNN. */
final class CudaFrozenConvolution implements Engine.FrozenConvolution {
    private final CudaEngine engine;
    private final Convolution geometry;
    private final DeviceBuffer weight;
    private final DeviceBuffer bias;

    CudaFrozenConvolution(CudaEngine engine, Convolution geometry, MemorySegment weight, MemorySegment bias) {
        Checks.frozen(geometry, weight, bias);
        this.engine = engine;
        this.geometry = geometry;
        this.weight = engine.take(weight.byteSize());
        try {
            this.bias = engine.take(bias.byteSize());
        } catch (RuntimeException e) {
            this.weight.close();
            throw e;
        }
        engine.lane().stream().toDevice(weight, this.weight.address());
        engine.lane().stream().toDevice(bias, this.bias.address());
    }

    @Override
    public Tensor apply(Tensor images, Tensor residual, boolean relu) {
        engine.requireOpen();
        return engine.convolution(geometry, images.shape()).frozen(images, weight.usedBy(engine.lane().stream()).pointer(),
                bias.usedBy(engine.lane().stream()).pointer(), residual, relu);
    }

    /** On the device. */
    @Override
    public long bytes() {
        return weight.bytes() + bias.bytes();
    }

    @Override
    public void close() {
        weight.close();
        bias.close();
    }
}
