package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;

/** A few thousand values in double precision, [rows, columns]: what the losses of a batch's logits and features are computed with. */
record Matrix(int rows, int columns, double[] values) {
    static Matrix zeros(int rows, int columns) {
        return new Matrix(rows, columns, new double[rows * columns]);
    }

    static Matrix of(Engine engine, Tensor tensor) {
        Shape shape = tensor.shape();
        if (shape.rank() != 2) {
            throw new IllegalArgumentException("a loss of rows needs a matrix, got " + shape);
        }
        return of(shape.extent(0), shape.extent(1), engine.toArray(tensor));
    }

    static Matrix of(int rows, int columns, float[] values) {
        Matrix matrix = zeros(rows, columns);
        for (int i = 0; i < values.length; i++) {
            matrix.values[i] = values[i];
        }
        return matrix;
    }

    double at(int row, int column) {
        return values[row * columns + column];
    }

    void set(int row, int column, double value) {
        values[row * columns + column] = value;
    }

    /** The same with the constants of fixed columns. */
    Matrix fixed(FixedLogits fixed) {
        if (fixed.classes() != columns) {
            throw new IllegalArgumentException("logits have " + columns + " columns, " + fixed.classes() + " were expected");
        }
        Matrix result = zeros(rows, columns);
        for (int i = 0; i < values.length; i++) {
            result.values[i] = fixed.value(i % columns, values[i]);
        }
        return result;
    }

    /** Softmax of every row. */
    Matrix softmax() {
        Matrix p = zeros(rows, columns);
        for (int row = 0; row < rows; row++) {
            double max = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < columns; c++) {
                max = Math.max(max, at(row, c));
            }
            double sum = 0;
            for (int c = 0; c < columns; c++) {
                double e = Math.exp(at(row, c) - max);
                p.set(row, c, e);
                sum += e;
            }
            for (int c = 0; c < columns; c++) {
                p.set(row, c, p.at(row, c) / sum);
            }
        }
        return p;
    }

    /** This, a softmax, turns the gradient by its probabilities into that by its logits: g_c = p_c (d_c − Σ_j d_j p_j). */
    Matrix softmaxGradient(Matrix byProbability) {
        Matrix gradient = zeros(rows, columns);
        for (int row = 0; row < rows; row++) {
            double mean = 0;
            for (int c = 0; c < columns; c++) {
                mean += byProbability.at(row, c) * at(row, c);
            }
            for (int c = 0; c < columns; c++) {
                gradient.set(row, c, at(row, c) * (byProbability.at(row, c) - mean));
            }
        }
        return gradient;
    }

    Matrix transposed() {
        Matrix result = zeros(columns, rows);
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < columns; c++) {
                result.set(c, row, at(row, c));
            }
        }
        return result;
    }

    Matrix times(Matrix other) {
        Matrix product = zeros(rows, other.columns);
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < columns; k++) {
                double factor = at(row, k);
                int from = k * other.columns;
                int to = row * other.columns;
                for (int c = 0; c < other.columns; c++) {
                    product.values[to + c] += factor * other.values[from + c];
                }
            }
        }
        return product;
    }

    /** this + factor · other. */
    Matrix plus(double factor, Matrix other) {
        Matrix sum = zeros(rows, columns);
        for (int i = 0; i < values.length; i++) {
            sum.values[i] = values[i] + factor * other.values[i];
        }
        return sum;
    }

    /** Row i is row i of the argument divided by its length. */
    static Matrix unitRows(Matrix of, double[] length) {
        Matrix unit = zeros(of.rows, of.columns);
        for (int row = 0; row < of.rows; row++) {
            for (int c = 0; c < of.columns; c++) {
                unit.set(row, c, of.at(row, c) / length[row]);
            }
        }
        return unit;
    }

    /** Euclidean length of every row, at least 1e-12. */
    double[] lengths() {
        double[] lengths = new double[rows];
        for (int row = 0; row < rows; row++) {
            double squares = 0;
            for (int c = 0; c < columns; c++) {
                squares += at(row, c) * at(row, c);
            }
            lengths[row] = Math.max(Math.sqrt(squares), 1e-12);
        }
        return lengths;
    }

    /** This, a gradient by rows of length 1, as one by the rows that were divided by their lengths. */
    Matrix unitRowsGradient(Matrix unit, double[] length) {
        Matrix gradient = zeros(rows, columns);
        for (int row = 0; row < rows; row++) {
            double along = 0;
            for (int c = 0; c < columns; c++) {
                along += at(row, c) * unit.at(row, c);
            }
            for (int c = 0; c < columns; c++) {
                gradient.set(row, c, (at(row, c) - along * unit.at(row, c)) / length[row]);
            }
        }
        return gradient;
    }

    double sumOfSquares() {
        double sum = 0;
        for (double value : values) {
            sum += value * value;
        }
        return sum;
    }

    /** A loss with this as its gradient by the input, whose fixed columns get none. */
    Scalar asGradient(Tape tape, Engine engine, Variable input, double loss, FixedLogits fixed) {
        float[] gradient = new float[values.length];
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = fixed.fixed(i % columns) ? 0 : (float) values[i];
        }
        return tape.fused(input, loss, engine.tensor(Shape.of(rows, columns), gradient));
    }

    Scalar asGradient(Tape tape, Engine engine, Variable input, double loss) {
        return asGradient(tape, engine, input, loss, FixedLogits.none(columns));
    }
}
