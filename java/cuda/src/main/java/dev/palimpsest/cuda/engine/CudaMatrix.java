package dev.palimpsest.cuda.engine;

import static jcuda.jcublas.cublasOperation.CUBLAS_OP_N;

import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.function.DoubleSupplier;
import java.util.function.LongConsumer;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;

/** Row-major float64 on the device. */
record CudaMatrix(CudaMatrixScope on, int rows, int columns, DeviceBuffer memory) implements Matrix {
    private static final Pointer ONE = Pointer.to(new double[] {1});
    private static final Pointer ZERO = Pointer.to(new double[] {0});

    static CudaMatrix undefined(CudaMatrixScope on, int rows, int columns) {
        return new CudaMatrix(on, rows, columns, on.take((long) rows * columns * Double.BYTES));
    }

    long address() {
        return memory.usedBy(on.engine().streamContext().stream()).address();
    }

    private Pointer pointer() {
        return memory.usedBy(on.engine().streamContext().stream()).pointer();
    }

    private long elements() {
        return (long) rows * columns;
    }

    private long rowBytes() {
        return (long) columns * Double.BYTES;
    }

    private static long address(Matrix matrix) {
        return ((CudaMatrix) matrix).address();
    }

    /** What kernels wrote for each row, added in row order. */
    private DoubleSupplier meanOfRows(CudaMatrix rowValues) {
        return on.engine().losses().mean(rowValues.address(), rowValues.rows);
    }

    /** cuBLAS counts by columns: our row-major matrices are to it their own transposes. */
    @Override
    public CudaMatrix times(Matrix other) {
        CudaMatrix right = (CudaMatrix) other;
        CudaMatrix product = undefined(on, rows, right.columns);
        CudaStreamContext.checkBlas(
                JCublas2.cublasDgemm(
                        on.engine().streamContext().blas(),
                        CUBLAS_OP_N,
                        CUBLAS_OP_N,
                        right.columns,
                        rows,
                        columns,
                        ONE,
                        right.pointer(),
                        right.columns,
                        pointer(),
                        columns,
                        ZERO,
                        product.pointer(),
                        right.columns),
                "a matrix product");
        return product;
    }

    @Override
    public CudaMatrix transposed() {
        CudaMatrix result = undefined(on, columns, rows);
        on.kernels().run("transposed", address(), rows, columns, result.address(), elements());
        return result;
    }

    @Override
    public CudaMatrix plus(double factor, Matrix other) {
        return sum(address(), factor, (CudaMatrix) other);
    }

    @Override
    public CudaMatrix scaled(double factor) {
        return sum(0, factor, this);
    }

    @Override
    public CudaMatrix over(double divisor) {
        return scaled(1 / divisor);
    }

    private CudaMatrix sum(long a, double factor, CudaMatrix b) {
        CudaMatrix result = undefined(on, rows, columns);
        on.kernels().run("plus", a, factor, b.address(), result.address(), elements());
        return result;
    }

    @Override
    public CudaMatrix rows(int begin, int end) {
        CudaMatrix result = undefined(on, end - begin, columns);
        on.engine().streamContext().stream()
                .copy(address() + begin * rowBytes(), result.address(), (end - begin) * rowBytes());
        return result;
    }

    @Override
    public CudaMatrix above(Matrix other) {
        CudaMatrix result = undefined(on, rows + other.rows(), columns);
        on.engine().streamContext().stream().copy(address(), result.address(), rows * rowBytes());
        on.engine().streamContext().stream()
                .copy(address(other), result.address() + rows * rowBytes(), other.rows() * rowBytes());
        return result;
    }

    @Override
    public CudaMatrix withDiagonal(double value) {
        CudaMatrix result = rows(0, rows);
        on.kernels().run("diagonal", result.address(), columns, value, Math.min(rows, columns));
        return result;
    }

    @Override
    public DoubleSupplier dot(Matrix other) {
        CudaMatrix sums = undefined(on, rows, 1);
        on.kernels().run("dots", address(), address(other), rows, columns, sums.address());
        DoubleSupplier mean = meanOfRows(sums);
        return () -> rows * mean.getAsDouble();
    }

    @Override
    public CudaMatrix softmax() {
        CudaMatrix p = undefined(on, rows, columns);
        on.kernels().run("softmax", address(), rows, columns, p.address());
        return p;
    }

    @Override
    public CudaMatrix softmaxGradient(Matrix byProbability) {
        CudaMatrix gradient = undefined(on, rows, columns);
        on.kernels().run("softmax_gradient", address(), address(byProbability), rows, columns, gradient.address());
        return gradient;
    }

    @Override
    public Term logLoss(int[] labels) {
        CudaMatrix gradient = undefined(on, rows, columns);
        CudaMatrix losses = undefined(on, rows, 1);
        on.kernels()
                .run("log_loss", address(), on.indices(labels), rows, columns, gradient.address(), losses.address());
        return new Term(meanOfRows(losses), gradient);
    }

    @Override
    public DoubleSupplier divergence(Matrix from) {
        CudaMatrix losses = undefined(on, rows, 1);
        on.kernels().run("divergence", address(), address(from), rows, columns, losses.address());
        return meanOfRows(losses);
    }

    @Override
    public Term margin(int[] others, int[] current, double margin, boolean constantOthers) {
        CudaMatrix gradient = undefined(on, rows, columns);
        on.engine().streamContext().stream().zero(gradient.address(), rows * rowBytes());
        CudaMatrix missing = undefined(on, rows, 1);
        on.kernels()
                .run(
                        "margin",
                        address(),
                        rows,
                        columns,
                        on.indices(others),
                        others.length,
                        on.indices(current),
                        current.length,
                        margin,
                        constantOthers ? 1 : 0,
                        gradient.address(),
                        missing.address());
        LongConsumer mean = value ->
                on.kernels().run("margin_mean", missing.address(), rows, gradient.address(), elements(), value);
        return new Term(on.engine().losses().value(mean), gradient);
    }

    @Override
    public Unit unitRows() {
        CudaMatrix unit = undefined(on, rows, columns);
        CudaMatrix length = undefined(on, rows, 1);
        on.kernels().run("unit", address(), rows, columns, unit.address(), address(length));
        return new Unit(unit, length);
    }

    @Override
    public CudaMatrix unitRowsGradient(Matrix byRows, Matrix length) {
        CudaMatrix gradient = undefined(on, rows, columns);
        on.kernels()
                .run("unit_gradient", address(), address(length), address(byRows), rows, columns, gradient.address());
        return gradient;
    }

    @Override
    public CudaMatrix centred() {
        CudaMatrix result = undefined(on, rows, columns);
        on.kernels().run("centred", address(), rows, result.address(), columns);
        return result;
    }

    @Override
    public Term spread(double target, double epsilon, double hingeDivisor, double squareDivisor) {
        CudaMatrix by = undefined(on, rows, columns);
        CudaMatrix losses = undefined(on, rows, 1);
        on.kernels()
                .run(
                        "spread",
                        address(),
                        rows,
                        target,
                        epsilon,
                        hingeDivisor,
                        squareDivisor,
                        by.address(),
                        losses.address());
        DoubleSupplier mean = meanOfRows(losses);
        return new Term(() -> rows * mean.getAsDouble(), by);
    }

    @Override
    public Tensor toTensor() {
        return rounded(0);
    }

    @Override
    public Tensor toTensor(Matrix fixed) {
        return rounded(address(fixed));
    }

    private Tensor rounded(long constants) {
        Tensor result = on.engine().allocate(Shape.of(rows, columns));
        on.kernels().run("rounded", address(), constants, columns, on.engine().address(result), elements());
        return result;
    }
}
