package dev.palimpsest.engine;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** Our kernels of one pass over tensors. */
final class CudaElementwise {
    private static final int THREADS = 256;
    private static final long ELEMENTS_A_BLOCK = 4L * THREADS;

    private final CudaEngine engine;
    private final CudaLaunch relu;
    private final CudaLaunch addRelu;
    private final CudaLaunch reluGradient;
    private final CudaLaunch addScaled;
    private final CudaLaunch scaled;
    private final CudaLaunch columns;
    private final CudaLaunch chosenRows;

    CudaElementwise(CudaEngine engine) {
        this.engine = engine;
        CudaDevice device = engine.device();
        relu = new CudaLaunch(device, "elementwise", "relu", 2);
        addRelu = new CudaLaunch(device, "elementwise", "add_relu", 4);
        reluGradient = new CudaLaunch(device, "elementwise", "relu_gradient", 4);
        addScaled = new CudaLaunch(device, "elementwise", "add_scaled", 4);
        scaled = new CudaLaunch(device, "elementwise", "scaled", 4);
        columns = new CudaLaunch(device, "matrix_rows", "columns", 6);
        chosenRows = new CudaLaunch(device, "matrix_rows", "chosen_rows", 7);
    }

    private void run(CudaLaunch launch, long count) {
        launch.with(count).run(engine.lane().stream(), Math.ceilDiv(count, ELEMENTS_A_BLOCK), THREADS, 0);
    }

    /** In place. */
    void relu(Tensor x) {
        run(relu.with(engine.address(x)), x.shape().elements());
    }

    Tensor addRelu(Tensor a, Tensor b) {
        Tensor result = engine.tensor(a.shape(), a.layout());
        run(
                addRelu.with(engine.address(a)).with(engine.address(b)).with(engine.address(result)),
                a.shape().elements());
        return result;
    }

    Tensor reluGradient(Tensor gradient, Tensor output) {
        Tensor result = engine.tensor(output.shape(), output.layout());
        run(
                reluGradient
                        .with(engine.address(gradient))
                        .with(engine.address(output))
                        .with(engine.address(result)),
                output.shape().elements());
        return result;
    }

    void addScaled(Tensor target, float factor, Tensor source) {
        run(
                addScaled.with(engine.address(target)).withFloat(factor).with(engine.address(source)),
                target.shape().elements());
    }

    Tensor scaled(float factor, Tensor source) {
        Tensor result = engine.tensor(source.shape(), source.layout());
        run(
                scaled.with(engine.address(result)).withFloat(factor).with(engine.address(source)),
                source.shape().elements());
        return result;
    }

    Tensor columns(Tensor matrix, ClassRange range) {
        Tensor result = engine.allocate(Shape.of(matrix.shape().extent(0), range.size()));
        long count = result.shape().elements();
        columns.with(engine.address(matrix))
                .with(matrix.shape().extent(1))
                .with(range.begin())
                .with(engine.address(result))
                .with(range.size())
                .with(count)
                .run(engine.lane().stream(), Math.ceilDiv(count, (long) THREADS), THREADS, 0);
        return result;
    }

    /** A launch each of the matrices, which writes the rows that chose it. */
    Tensor chosenRows(Tensor oneHot, List<Tensor> matrices) {
        Tensor result = engine.allocate(matrices.getFirst().shape());
        long count = result.shape().elements();
        for (int k = 0; k < matrices.size(); k++) {
            chosenRows
                    .with(engine.address(oneHot))
                    .with(matrices.size())
                    .with(k)
                    .with(engine.address(matrices.get(k)))
                    .with(result.shape().extent(1))
                    .with(engine.address(result))
                    .with(count)
                    .run(engine.lane().stream(), Math.ceilDiv(count, (long) THREADS), THREADS, 0);
        }
        return result;
    }
}
