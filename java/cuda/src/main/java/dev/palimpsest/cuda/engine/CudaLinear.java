package dev.palimpsest.cuda.engine;

import static jcuda.jcublas.cublasOperation.CUBLAS_OP_N;
import static jcuda.jcublas.cublasOperation.CUBLAS_OP_T;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;

/**
 * Fully connected layers on cuBLAS, which counts by columns: our row-major matrices are to it their own transposes.
 */
final class CudaLinear {
    private final CudaContext engine;
    private final CudaKernel repeatRow;
    private final CudaKernel addColumnSums;

    CudaLinear(CudaContext engine) {
        this.engine = engine;
        repeatRow = engine.device().kernel("repeat_row");
        addColumnSums = engine.device().kernel("add_column_sums");
    }

    /** The bias in every row, and input·weightᵀ added to it. */
    Tensor forward(Tensor input, Parameter weight, Parameter bias) {
        int rows = input.shape().extent(0);
        int outputs = weight.shape().extent(0);
        int inputs = weight.shape().extent(1);
        Tensor result = engine.allocate(Shape.of(rows, outputs));
        long count = (long) rows * outputs;
        repeatRow
                .with(engine.mirrors().read(bias.valueMirror()).address(), outputs, engine.address(result), count)
                .run(engine.streamContext().stream());
        product(
                CUBLAS_OP_T,
                CUBLAS_OP_N,
                outputs,
                rows,
                inputs,
                engine.mirrors().read(weight.valueMirror()).pointer(),
                inputs,
                engine.pointer(input),
                inputs,
                CudaContext.ONE,
                engine.pointer(result),
                outputs);
        return result;
    }

    Tensor backward(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        int rows = input.shape().extent(0);
        int outputs = weight.shape().extent(0);
        int inputs = weight.shape().extent(1);
        Tensor result = engine.allocate(input.shape());
        product(
                CUBLAS_OP_N,
                CUBLAS_OP_N,
                inputs,
                rows,
                outputs,
                engine.mirrors().read(weight.valueMirror()).pointer(),
                inputs,
                engine.pointer(gradient),
                outputs,
                CudaContext.ZERO,
                engine.pointer(result),
                inputs);
        product(
                CUBLAS_OP_N,
                CUBLAS_OP_T,
                inputs,
                outputs,
                rows,
                engine.pointer(input),
                inputs,
                engine.pointer(gradient),
                outputs,
                CudaContext.ONE,
                engine.mirrors().write(weight.gradientMirror()).pointer(),
                inputs);
        addColumnSums
                .with(
                        engine.address(gradient),
                        rows,
                        outputs,
                        engine.mirrors().write(bias.gradientMirror()).address())
                .run(engine.streamContext().stream());
        return result;
    }

    /** c = a·b + beta·c, all by columns: c is [m, n], the sum goes over k. */
    private void product(
            int transposeA,
            int transposeB,
            int m,
            int n,
            int k,
            Pointer a,
            int strideA,
            Pointer b,
            int strideB,
            Pointer beta,
            Pointer c,
            int strideC) {
        CudaStreamContext.checkBlas(
                JCublas2.cublasSgemm(
                        engine.streamContext().blas(),
                        transposeA,
                        transposeB,
                        m,
                        n,
                        k,
                        CudaContext.ONE,
                        a,
                        strideA,
                        b,
                        strideB,
                        beta,
                        c,
                        strideC),
                "a matrix product");
    }
}
