package dev.palimpsest.cuda.engine;

/** The kernels of {@code matrix_algebra.cu}. */
final class CudaMatrixKernels {
    private static final int THREADS = 256;
    private static final int ROWS_A_BLOCK = 4;

    final CudaLaunch widened;
    final CudaLaunch rounded;
    final CudaLaunch transposed;
    final CudaLaunch plus;
    final CudaLaunch diagonal;
    final CudaLaunch centred;
    final CudaLaunch dots;
    final CudaLaunch softmax;
    final CudaLaunch softmaxGradient;
    final CudaLaunch unit;
    final CudaLaunch unitGradient;
    final CudaLaunch logLoss;
    final CudaLaunch divergence;
    final CudaLaunch spread;
    final CudaLaunch sureness;
    final CudaLaunch surest;
    final CudaLaunch margin;
    final CudaLaunch marginMean;
    private final CudaContext engine;

    CudaMatrixKernels(CudaContext engine) {
        this.engine = engine;
        widened = launch("widened", 5);
        rounded = launch("rounded", 5);
        transposed = launch("transposed", 5);
        plus = launch("plus", 5);
        diagonal = launch("diagonal", 4);
        centred = launch("centred", 4);
        dots = launch("dots", 5);
        softmax = launch("softmax", 4);
        softmaxGradient = launch("softmax_gradient", 5);
        unit = launch("unit", 5);
        unitGradient = launch("unit_gradient", 6);
        logLoss = launch("log_loss", 6);
        divergence = launch("divergence", 5);
        spread = launch("spread", 4);
        sureness = launch("sureness", 6);
        surest = launch("surest", 4);
        margin = launch("margin", 11);
        marginMean = launch("margin_mean", 5);
    }

    private CudaLaunch launch(String name, int arguments) {
        return new CudaLaunch(engine.device(), "matrix_algebra", "matrix_" + name, arguments);
    }

    /** A thread an element; their number is the kernel's last argument. */
    void elements(CudaLaunch launch, long count) {
        launch.with(count).run(engine.lane().stream(), Math.ceilDiv(count, (long) THREADS), THREADS, 0);
    }

    /** A warp a row. */
    void rows(CudaLaunch launch, int rows) {
        launch.run(engine.lane().stream(), Math.ceilDiv(rows, ROWS_A_BLOCK), 32 * ROWS_A_BLOCK, 0);
    }
}
