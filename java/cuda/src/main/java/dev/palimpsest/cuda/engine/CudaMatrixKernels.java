package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaKernel;

/** The kernels of {@code matrix_algebra.cu}. */
final class CudaMatrixKernels {
    final CudaKernel widened;
    final CudaKernel rounded;
    final CudaKernel transposed;
    final CudaKernel plus;
    final CudaKernel diagonal;
    final CudaKernel centred;
    final CudaKernel dots;
    final CudaKernel softmax;
    final CudaKernel softmaxGradient;
    final CudaKernel unit;
    final CudaKernel unitGradient;
    final CudaKernel logLoss;
    final CudaKernel divergence;
    final CudaKernel spread;
    final CudaKernel highest;
    final CudaKernel argMax;
    final CudaKernel margin;
    final CudaKernel marginMean;
    private final CudaContext engine;

    CudaMatrixKernels(CudaContext engine) {
        this.engine = engine;
        widened = kernel("widened");
        rounded = kernel("rounded");
        transposed = kernel("transposed");
        plus = kernel("plus");
        diagonal = kernel("diagonal");
        centred = kernel("centred");
        dots = kernel("dots");
        softmax = kernel("softmax");
        softmaxGradient = kernel("softmax_gradient");
        unit = kernel("unit");
        unitGradient = kernel("unit_gradient");
        logLoss = kernel("log_loss");
        divergence = kernel("divergence");
        spread = kernel("spread");
        highest = kernel("highest");
        argMax = kernel("argmax");
        margin = kernel("margin");
        marginMean = kernel("margin_mean");
    }

    private CudaKernel kernel(String name) {
        return engine.device().kernel("matrix_" + name);
    }

    void run(CudaKernel.Launch launch) {
        launch.run(engine.streamContext().stream());
    }
}
