package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.Objects;
import java.util.function.DoubleSupplier;

/** A matrix whose every use is checked before the device has it. */
final class CheckedMatrix implements Matrix {
    private final Lifetime scope;
    private final Matrix backend;

    CheckedMatrix(Lifetime scope, Matrix backend) {
        this.scope = scope;
        this.backend = backend;
    }

    /** @throws IllegalArgumentException if it is not one of these matrices */
    static CheckedMatrix checked(Matrix matrix, Lifetime scope) {
        if (!(matrix instanceof CheckedMatrix checked)) {
            throw new IllegalArgumentException("a matrix of " + matrix.rows() + "×" + matrix.columns()
                    + " was not made by an engine's Matrices: make it with them");
        }
        checked.requireOf(scope);
        return checked;
    }

    private Matrix with(Matrix result) {
        return new CheckedMatrix(scope, result);
    }

    private Term with(Term result) {
        return new Term(result.value(), with(result.gradient()));
    }

    private String size() {
        return rows() + "×" + columns();
    }

    private void requireOf(Lifetime other) {
        scope.enter();
        if (scope != other) {
            throw new IllegalArgumentException(
                    "a matrix of " + size() + " belongs to other Matrices: make it with the same ones");
        }
    }

    Matrix sameSize(Matrix other) {
        CheckedMatrix that = checked(other, scope);
        if (rows() != that.rows() || columns() != that.columns()) {
            throw new IllegalArgumentException(
                    "expected two matrices of one size, got " + size() + " and " + that.size());
        }
        return that.backend;
    }

    /** What the device has of one constant for each column. */
    static Matrix constants(Matrix fixed, Lifetime scope, int columns) {
        CheckedMatrix constants = checked(fixed, scope);
        if (constants.rows() != 1 || constants.columns() != columns) {
            throw new IllegalArgumentException(
                    "constants for " + columns + " columns must be 1×" + columns + ", got " + constants.size());
        }
        return constants.backend;
    }

    void requireLabels(int[] labels) {
        if (labels.length != rows()) {
            throw new IllegalArgumentException(labels.length + " labels for a matrix of " + size());
        }
        requireColumns(labels);
    }

    private void requireColumns(int[] columns) {
        for (int column : columns) {
            if (column < 0 || column >= columns()) {
                throw new IndexOutOfBoundsException("column " + column + " of a matrix of " + size());
            }
        }
    }

    @Override
    public int rows() {
        return backend.rows();
    }

    @Override
    public int columns() {
        return backend.columns();
    }

    @Override
    public Matrix times(Matrix other) {
        CheckedMatrix right = checked(other, scope);
        if (columns() != right.rows()) {
            throw new IllegalArgumentException("matrices of " + size() + " and " + right.size() + " have no product");
        }
        return with(backend.times(right.backend));
    }

    @Override
    public Matrix transposed() {
        scope.enter();
        return with(backend.transposed());
    }

    @Override
    public Matrix plus(double factor, Matrix other) {
        return with(backend.plus(factor, sameSize(other)));
    }

    @Override
    public Matrix scaled(double factor) {
        scope.enter();
        return with(backend.scaled(factor));
    }

    @Override
    public Matrix over(double divisor) {
        scope.enter();
        return with(backend.over(divisor));
    }

    @Override
    public Matrix rows(int begin, int end) {
        scope.enter();
        Objects.checkFromToIndex(begin, end, rows());
        Checks.positive("rows in a part", end - begin);
        return with(backend.rows(begin, end));
    }

    @Override
    public Matrix above(Matrix other) {
        CheckedMatrix below = checked(other, scope);
        if (columns() != below.columns()) {
            throw new IllegalArgumentException(
                    "expected as many columns in both matrices, got " + size() + " and " + below.size());
        }
        return with(backend.above(below.backend));
    }

    @Override
    public Matrix withDiagonal(double value) {
        scope.enter();
        return with(backend.withDiagonal(value));
    }

    @Override
    public DoubleSupplier dot(Matrix other) {
        return backend.dot(sameSize(other));
    }

    @Override
    public Matrix softmax() {
        scope.enter();
        return with(backend.softmax());
    }

    @Override
    public Matrix softmaxGradient(Matrix byProbability) {
        return with(backend.softmaxGradient(sameSize(byProbability)));
    }

    @Override
    public Term logLoss(int[] labels) {
        scope.enter();
        requireLabels(labels);
        return with(backend.logLoss(labels));
    }

    @Override
    public DoubleSupplier divergence(Matrix from) {
        return backend.divergence(sameSize(from));
    }

    @Override
    public Term margin(int[] others, int[] current, double margin, boolean constantOthers) {
        scope.enter();
        requireColumns(others);
        requireColumns(current);
        if (others.length == 0 || current.length == 0) {
            throw new IllegalArgumentException("a margin between " + others.length + " and " + current.length
                    + " columns: expected at least one of each");
        }
        return with(backend.margin(others, current, margin, constantOthers));
    }

    @Override
    public Unit unitRows() {
        scope.enter();
        Unit unit = backend.unitRows();
        return new Unit(with(unit.rows()), with(unit.length()));
    }

    @Override
    public Matrix unitRowsGradient(Matrix byRows, Matrix length) {
        Matrix by = sameSize(byRows);
        CheckedMatrix divisors = checked(length, scope);
        if (divisors.rows() != rows() || divisors.columns() != 1) {
            throw new IllegalArgumentException("the lengths of " + size() + " unit rows cannot be " + divisors.size());
        }
        return with(backend.unitRowsGradient(by, divisors.backend));
    }

    @Override
    public Matrix centred() {
        scope.enter();
        return with(backend.centred());
    }

    @Override
    public Term spread(double target, double epsilon, double hingeDivisor, double squareDivisor) {
        scope.enter();
        if (rows() != columns()) {
            throw new IllegalArgumentException("a covariance must be square, got " + size());
        }
        return with(backend.spread(target, epsilon, hingeDivisor, squareDivisor));
    }

    @Override
    public Tensor toTensor() {
        scope.enter();
        return backend.toTensor();
    }

    @Override
    public Tensor toTensor(Matrix fixed) {
        return backend.toTensor(constants(fixed, scope, columns()));
    }
}
