package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** Our kernels of one pass over tensors. */
final class CudaElementwise {
    private final CudaQueue engine;
    private final CudaKernel relu;
    private final CudaKernel addRelu;
    private final CudaKernel reluGradient;
    private final CudaKernel addScaled;
    private final CudaKernel scaled;
    private final CudaKernel columns;
    private final CudaKernel chosenRows;

    CudaElementwise(CudaQueue engine) {
        this.engine = engine;
        relu = engine.device().kernel("relu");
        addRelu = engine.device().kernel("add_relu");
        reluGradient = engine.device().kernel("relu_gradient");
        addScaled = engine.device().kernel("add_scaled");
        scaled = engine.device().kernel("scaled");
        columns = engine.device().kernel("columns");
        chosenRows = engine.device().kernel("chosen_rows");
    }

    private void run(CudaKernel.Launch launch) {
        launch.run(engine.streamContext().stream());
    }

    /** In place. */
    void relu(Tensor x) {
        run(relu.with(engine.address(x), x.shape().elements()));
    }

    Tensor addRelu(Tensor a, Tensor b) {
        Tensor result = engine.tensor(a.shape(), a.layout());
        run(addRelu.with(
                engine.address(a),
                engine.address(b),
                engine.address(result),
                a.shape().elements()));
        return result;
    }

    Tensor reluGradient(Tensor gradient, Tensor output) {
        Tensor result = engine.tensor(output.shape(), output.layout());
        run(reluGradient.with(
                engine.address(gradient),
                engine.address(output),
                engine.address(result),
                output.shape().elements()));
        return result;
    }

    void addScaled(Tensor target, float factor, Tensor source) {
        run(addScaled.with(
                engine.address(target),
                factor,
                engine.address(source),
                target.shape().elements()));
    }

    Tensor scaled(float factor, Tensor source) {
        Tensor result = engine.tensor(source.shape(), source.layout());
        run(scaled.with(
                engine.address(result),
                factor,
                engine.address(source),
                source.shape().elements()));
        return result;
    }

    Tensor columns(Tensor matrix, ClassRange range) {
        Tensor result = engine.allocate(Shape.of(matrix.shape().extent(0), range.size()));
        long count = result.shape().elements();
        run(columns.with(
                engine.address(matrix),
                matrix.shape().extent(1),
                range.begin(),
                engine.address(result),
                range.size(),
                count));
        return result;
    }

    /** A launch each of the matrices, which writes the rows that chose it. */
    Tensor chosenRows(Tensor oneHot, List<Tensor> matrices) {
        Tensor result = engine.allocate(matrices.getFirst().shape());
        long count = result.shape().elements();
        for (int k = 0; k < matrices.size(); k++) {
            run(chosenRows.with(
                    engine.address(oneHot),
                    matrices.size(),
                    k,
                    engine.address(matrices.get(k)),
                    result.shape().extent(1),
                    engine.address(result),
                    count));
        }
        return result;
    }
}
