package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.SnapshotMask;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A convolution with bias, residual sum and ReLU in one call of cuDNN. */
final class CudaFrozenConvolution implements Convolution.Frozen {
    private final CudaContext engine;
    private final CudaConvolutions convolutions;
    private final Convolution geometry;
    private final DeviceBuffer weight;
    private final DeviceBuffer bias;

    private CudaFrozenConvolution(
            CudaContext engine, CudaConvolutions convolutions, Convolution geometry, long weightBytes, long biasBytes) {
        this.engine = engine;
        this.convolutions = convolutions;
        this.geometry = geometry;
        weight = engine.take(weightBytes);
        try {
            bias = engine.take(biasBytes);
        } catch (RuntimeException e) {
            weight.close();
            throw e;
        }
    }

    static CudaFrozenConvolution of(
            CudaContext engine,
            CudaConvolutions convolutions,
            Convolution geometry,
            MemorySegment weight,
            MemorySegment bias) {
        CudaFrozenConvolution made =
                new CudaFrozenConvolution(engine, convolutions, geometry, weight.byteSize(), bias.byteSize());
        return made.filled(() -> {
            engine.streamContext().stream().toDevice(weight, made.weight.address());
            engine.streamContext().stream().toDevice(bias, made.bias.address());
        });
    }

    /** Queues the rebuilding behind what changed the weights last; the host does not wait. */
    static CudaFrozenConvolution rebuilt(
            CudaContext engine,
            CudaConvolutions convolutions,
            Convolution geometry,
            Parameter present,
            SnapshotMask mask,
            MemorySegment scale,
            MemorySegment bias) {
        CudaFrozenConvolution made = new CudaFrozenConvolution(
                engine, convolutions, geometry, present.shape().bytes(), bias.byteSize());
        return made.filled(() -> {
            try (DeviceBuffer factors = engine.take(scale.byteSize())) {
                engine.staging().upload(scale, engine.streamContext().stream(), factors.address());
                engine.staging().upload(bias, engine.streamContext().stream(), made.bias.address());
                engine.reconstruction()
                        .apply(
                                present.size(),
                                engine.mirrors().read(present.valueMirror()).address(),
                                engine.mirrors().read(mask.planes()).address(),
                                mask.planeCount(),
                                mask.step(),
                                factors.address(),
                                present.size() / geometry.outputs(),
                                made.weight.address());
            }
        });
    }

    private CudaFrozenConvolution filled(Runnable fill) {
        try {
            fill.run();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
        return this;
    }

    @Override
    public Tensor apply(Tensor images, @Nullable Tensor residual, boolean relu) {
        return convolutions
                .of(geometry, images.shape())
                .frozen(
                        images,
                        weight.usedBy(engine.streamContext().stream()).pointer(),
                        bias.usedBy(engine.streamContext().stream()).pointer(),
                        residual,
                        relu);
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
