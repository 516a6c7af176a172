package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaKernel;
import java.util.HashMap;
import java.util.Map;

/** The kernels of {@code matrix_algebra.cu}, each found at its first use. */
final class CudaMatrixKernels {
    private final CudaContext engine;
    private final Map<String, CudaKernel> kernels = new HashMap<>();

    CudaMatrixKernels(CudaContext engine) {
        this.engine = engine;
    }

    /**
     * Queues a kernel.
     *
     * @param name without {@code matrix_}
     * @param arguments in the order of native/kernels/kernels.def
     */
    void run(String name, Object... arguments) {
        kernels.computeIfAbsent(name, each -> engine.device().kernel("matrix_" + each))
                .with(arguments)
                .run(engine.streamContext().stream());
    }
}
