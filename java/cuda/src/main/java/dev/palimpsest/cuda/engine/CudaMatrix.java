package dev.palimpsest.cuda.engine;

import static jcuda.jcublas.cublasOperation.CUBLAS_OP_N;

import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.MatrixBackend.Matrix;
import dev.palimpsest.engine.MatrixBackend.Term;
import dev.palimpsest.engine.MatrixBackend.Unit;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.function.DoubleSupplier;
import java.util.function.LongConsumer;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;

/** Row-major float64 on the device. */
record CudaMatrix(CudaMatrices on, int rows, int columns, DeviceBuffer memory) implements Matrix {
    private static final Pointer ONE = Pointer.to(new double[] {1});
    private static final Pointer ZERO = Pointer.to(new double[] {0});

    long address() {
        return memory.usedBy(on.engine().lane().stream()).address();
    }

    private Pointer pointer() {
        return memory.usedBy(on.engine().lane().stream()).pointer();
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
        CudaMatrix product = on.matrix(rows, right.columns);
        CudaLane.checkBlas(
                JCublas2.cublasDgemm(
                        on.engine().lane().blas(),
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
        CudaMatrix result = on.matrix(columns, rows);
        on.kernels()
                .elements(
                        on.kernels()
                                .transposed
                                .with(address())
                                .with(rows)
                                .with(columns)
                                .with(result.address()),
                        elements());
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
        CudaMatrix result = on.matrix(rows, columns);
        on.kernels()
                .elements(
                        on.kernels()
                                .plus
                                .with(a)
                                .withDouble(factor)
                                .with(b.address())
                                .with(result.address()),
                        elements());
        return result;
    }

    @Override
    public CudaMatrix rows(int begin, int end) {
        CudaMatrix result = on.matrix(end - begin, columns);
        on.engine().lane().stream().copy(address() + begin * rowBytes(), result.address(), (end - begin) * rowBytes());
        return result;
    }

    @Override
    public CudaMatrix above(Matrix other) {
        CudaMatrix result = on.matrix(rows + other.rows(), columns);
        on.engine().lane().stream().copy(address(), result.address(), rows * rowBytes());
        on.engine().lane().stream()
                .copy(address(other), result.address() + rows * rowBytes(), other.rows() * rowBytes());
        return result;
    }

    @Override
    public CudaMatrix withDiagonal(double value) {
        CudaMatrix result = rows(0, rows);
        on.kernels()
                .elements(
                        on.kernels()
                                .diagonal
                                .with(result.address())
                                .with(columns)
                                .withDouble(value),
                        Math.min(rows, columns));
        return result;
    }

    @Override
    public DoubleSupplier dot(Matrix other) {
        CudaMatrix sums = on.matrix(rows, 1);
        on.kernels()
                .rows(
                        on.kernels()
                                .dots
                                .with(address())
                                .with(address(other))
                                .with(rows)
                                .with(columns)
                                .with(sums.address()),
                        rows);
        DoubleSupplier mean = meanOfRows(sums);
        return () -> rows * mean.getAsDouble();
    }

    @Override
    public CudaMatrix softmax() {
        CudaMatrix p = on.matrix(rows, columns);
        on.kernels()
                .rows(
                        on.kernels()
                                .softmax
                                .with(address())
                                .with(rows)
                                .with(columns)
                                .with(p.address()),
                        rows);
        return p;
    }

    @Override
    public CudaMatrix softmaxGradient(Matrix byProbability) {
        CudaMatrix gradient = on.matrix(rows, columns);
        on.kernels()
                .rows(
                        on.kernels()
                                .softmaxGradient
                                .with(address())
                                .with(address(byProbability))
                                .with(rows)
                                .with(columns)
                                .with(gradient.address()),
                        rows);
        return gradient;
    }

    @Override
    public Term logLoss(int[] labels) {
        CudaMatrix gradient = on.matrix(rows, columns);
        CudaMatrix losses = on.matrix(rows, 1);
        on.kernels()
                .rows(
                        on.kernels()
                                .logLoss
                                .with(address())
                                .with(on.indices(labels))
                                .with(rows)
                                .with(columns)
                                .with(gradient.address())
                                .with(losses.address()),
                        rows);
        return new Term(meanOfRows(losses), gradient);
    }

    @Override
    public DoubleSupplier divergence(Matrix from) {
        CudaMatrix losses = on.matrix(rows, 1);
        on.kernels()
                .rows(
                        on.kernels()
                                .divergence
                                .with(address())
                                .with(address(from))
                                .with(rows)
                                .with(columns)
                                .with(losses.address()),
                        rows);
        return meanOfRows(losses);
    }

    @Override
    public Term margin(int[] others, int[] current, double margin, boolean constantOthers) {
        CudaMatrix gradient = on.matrix(rows, columns);
        on.engine().lane().stream().zero(gradient.address(), rows * rowBytes());
        CudaMatrix missing = on.matrix(rows, 1);
        on.kernels()
                .rows(
                        on.kernels()
                                .margin
                                .with(address())
                                .with(rows)
                                .with(columns)
                                .with(on.indices(others))
                                .with(others.length)
                                .with(on.indices(current))
                                .with(current.length)
                                .withDouble(margin)
                                .with(constantOthers ? 1 : 0)
                                .with(gradient.address())
                                .with(missing.address()),
                        rows);
        LongConsumer mean = value -> on.kernels()
                .marginMean
                .with(missing.address())
                .with(rows)
                .with(gradient.address())
                .with(elements())
                .with(value)
                .run(on.engine().lane().stream(), Math.ceilDiv(elements(), 256L), 256, 0);
        return new Term(on.engine().losses().value(mean), gradient);
    }

    @Override
    public Unit unitRows() {
        CudaMatrix unit = on.matrix(rows, columns);
        CudaMatrix length = on.matrix(rows, 1);
        on.kernels()
                .rows(
                        on.kernels()
                                .unit
                                .with(address())
                                .with(rows)
                                .with(columns)
                                .with(unit.address())
                                .with(length.address()),
                        rows);
        return new Unit(unit, length);
    }

    @Override
    public CudaMatrix unitRowsGradient(Matrix byRows, Matrix length) {
        CudaMatrix gradient = on.matrix(rows, columns);
        on.kernels()
                .rows(
                        on.kernels()
                                .unitGradient
                                .with(address())
                                .with(address(length))
                                .with(address(byRows))
                                .with(rows)
                                .with(columns)
                                .with(gradient.address()),
                        rows);
        return gradient;
    }

    @Override
    public CudaMatrix centred() {
        CudaMatrix result = on.matrix(rows, columns);
        on.kernels().elements(on.kernels().centred.with(address()).with(rows).with(result.address()), columns);
        return result;
    }

    @Override
    public Term spread() {
        CudaMatrix by = on.matrix(rows, columns);
        CudaMatrix losses = on.matrix(rows, 1);
        on.kernels()
                .rows(
                        on.kernels()
                                .spread
                                .with(address())
                                .with(rows)
                                .with(by.address())
                                .with(losses.address()),
                        rows);
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
        on.kernels()
                .elements(
                        on.kernels()
                                .rounded
                                .with(address())
                                .with(constants)
                                .with(columns)
                                .with(on.engine().address(result)),
                        elements());
        return result;
    }
}
