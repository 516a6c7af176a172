package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.cuda.CudaSnapshotReconstruction;
import dev.palimpsest.engine.DeviceOptions;
import org.jspecify.annotations.Nullable;

/**
 * What the layers share besides the queue: copies of parameters, losses on their way home, kernels of one pass over
 * tensors and cuDNN's descriptions of shapes.
 */
class CudaContext extends CudaQueue {
    private final CudaDescriptors descriptors;
    private final CudaMirrors mirrors = new CudaMirrors(this);
    private CudaLosses losses;
    private CudaElementwise elementwise;
    /** Null until it is used. */
    private @Nullable CudaSnapshotReconstruction reconstruction;

    @SuppressWarnings("NullAway.Init") // prepare sets the rest
    CudaContext(DeviceOptions options) {
        super(options);
        descriptors = new CudaDescriptors(options.tf32());
    }

    @Override
    void prepare() {
        super.prepare();
        losses = new CudaLosses(this);
        elementwise = new CudaElementwise(this);
    }

    CudaDescriptors descriptors() {
        return descriptors;
    }

    CudaMirrors mirrors() {
        return mirrors;
    }

    CudaLosses losses() {
        return losses;
    }

    CudaElementwise elementwise() {
        return elementwise;
    }

    /** On the stream of the training, which changes the weights. */
    CudaSnapshotReconstruction reconstruction() {
        if (reconstruction == null) {
            reconstruction = new CudaSnapshotReconstruction(device(), training().stream());
        }
        return reconstruction;
    }

    /** What only the device has comes home first; where the device failed, it is lost. */
    @Override
    public void close() {
        try {
            if (streamContext() != null) {
                mirrors.bringHome();
            }
        } catch (CudaException e) {
            if (e.kind() != CudaException.Kind.LOST) {
                throw e;
            }
        } finally {
            descriptors.close();
            super.close();
        }
    }
}
