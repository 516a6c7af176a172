package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Matrix;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;
import java.util.function.DoubleSupplier;

/** Row-major. The order of every sum is the order in which the loops read. */
record CpuMatrix(OneDnnContext engine, int rows, int columns, double[] values) implements Matrix {
    private CpuMatrix zeros(int rows, int columns) {
        return new CpuMatrix(engine, rows, columns, new double[rows * columns]);
    }

    double at(int row, int column) {
        return values[row * columns + column];
    }

    private void set(int row, int column, double value) {
        values[row * columns + column] = value;
    }

    @Override
    public CpuMatrix times(Matrix other) {
        CpuMatrix right = (CpuMatrix) other;
        CpuMatrix product = zeros(rows, right.columns);
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < columns; k++) {
                double factor = at(row, k);
                int from = k * right.columns;
                int to = row * right.columns;
                for (int c = 0; c < right.columns; c++) {
                    product.values[to + c] += factor * right.values[from + c];
                }
            }
        }
        return product;
    }

    @Override
    public CpuMatrix transposed() {
        CpuMatrix result = zeros(columns, rows);
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < columns; c++) {
                result.set(c, row, at(row, c));
            }
        }
        return result;
    }

    @Override
    public CpuMatrix plus(double factor, Matrix other) {
        CpuMatrix sum = zeros(rows, columns);
        for (int i = 0; i < values.length; i++) {
            sum.values[i] = values[i] + factor * ((CpuMatrix) other).values[i];
        }
        return sum;
    }

    @Override
    public CpuMatrix scaled(double factor) {
        return zeros(rows, columns).plus(factor, this);
    }

    @Override
    public CpuMatrix over(double divisor) {
        CpuMatrix result = zeros(rows, columns);
        for (int i = 0; i < values.length; i++) {
            result.values[i] = values[i] / divisor;
        }
        return result;
    }

    @Override
    public CpuMatrix rows(int begin, int end) {
        return new CpuMatrix(engine, end - begin, columns, Arrays.copyOfRange(values, begin * columns, end * columns));
    }

    @Override
    public CpuMatrix above(Matrix other) {
        CpuMatrix below = (CpuMatrix) other;
        double[] both = Arrays.copyOf(values, values.length + below.values.length);
        System.arraycopy(below.values, 0, both, values.length, below.values.length);
        return new CpuMatrix(engine, rows + below.rows, columns, both);
    }

    @Override
    public CpuMatrix withDiagonal(double value) {
        CpuMatrix result = rows(0, rows);
        for (int i = 0; i < Math.min(rows, columns); i++) {
            result.set(i, i, value);
        }
        return result;
    }

    @Override
    public DoubleSupplier dot(Matrix other) {
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
            sum += values[i] * ((CpuMatrix) other).values[i];
        }
        return constant(sum);
    }

    private static DoubleSupplier constant(double value) {
        return () -> value;
    }

    @Override
    public CpuMatrix softmax() {
        CpuMatrix p = zeros(rows, columns);
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

    @Override
    public CpuMatrix softmaxGradient(Matrix byProbability) {
        CpuMatrix by = (CpuMatrix) byProbability;
        CpuMatrix gradient = zeros(rows, columns);
        for (int row = 0; row < rows; row++) {
            double mean = 0;
            for (int c = 0; c < columns; c++) {
                mean += by.at(row, c) * at(row, c);
            }
            for (int c = 0; c < columns; c++) {
                gradient.set(row, c, at(row, c) * (by.at(row, c) - mean));
            }
        }
        return gradient;
    }

    @Override
    public Term logLoss(int[] labels) {
        CpuMatrix gradient = scaled(1.0 / rows);
        double loss = 0;
        for (int row = 0; row < rows; row++) {
            loss -= Math.log(at(row, labels[row])) / rows;
            gradient.set(row, labels[row], (at(row, labels[row]) - 1) / rows);
        }
        return new Term(constant(loss), gradient);
    }

    @Override
    public DoubleSupplier divergence(Matrix from) {
        double loss = 0;
        for (int i = 0; i < values.length; i++) {
            double target = values[i];
            // A probability that underflowed adds nothing: x log x tends to 0.
            loss += target > 0 ? target * (Math.log(target) - Math.log(((CpuMatrix) from).values[i])) : 0;
        }
        return constant(loss / rows);
    }

    @Override
    public Term margin(int[] others, int[] current, double margin, boolean constantOthers) {
        CpuMatrix other = columns(others);
        CpuMatrix good = columns(current);
        if (constantOthers) {
            other = other.softmax();
            good = good.softmax();
        }
        CpuMatrix gradient = zeros(rows, columns);
        double sum = 0;
        int count = 0;
        for (int row = 0; row < rows; row++) {
            int bad = other.best(row);
            int best = good.best(row);
            double missing = other.at(row, bad) + margin - good.at(row, best);
            if (missing > 0) {
                sum += missing;
                count++;
                for (int c = 0; c < current.length; c++) {
                    gradient.set(
                            row,
                            current[c],
                            constantOthers
                                    ? -good.at(row, best) * ((c == best ? 1 : 0) - good.at(row, c))
                                    : c == best ? -1 : 0);
                }
                if (!constantOthers) {
                    gradient.set(row, others[bad], 1);
                }
            }
        }
        int positive = Math.max(1, count);
        return new Term(constant(sum / positive), gradient.scaled(1.0 / positive));
    }

    private CpuMatrix columns(int[] which) {
        CpuMatrix chosen = zeros(rows, which.length);
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < which.length; c++) {
                chosen.set(row, c, at(row, which[c]));
            }
        }
        return chosen;
    }

    /** The first column with the highest value. */
    int best(int row) {
        int best = 0;
        for (int c = 1; c < columns; c++) {
            best = at(row, c) > at(row, best) ? c : best;
        }
        return best;
    }

    @Override
    public Unit unitRows() {
        CpuMatrix length = zeros(rows, 1);
        CpuMatrix unit = zeros(rows, columns);
        for (int row = 0; row < rows; row++) {
            double squares = 0;
            for (int c = 0; c < columns; c++) {
                squares += at(row, c) * at(row, c);
            }
            length.set(row, 0, Math.max(Math.sqrt(squares), 1e-12));
            for (int c = 0; c < columns; c++) {
                unit.set(row, c, at(row, c) / length.at(row, 0));
            }
        }
        return new Unit(unit, length);
    }

    @Override
    public CpuMatrix unitRowsGradient(Matrix byRows, Matrix length) {
        CpuMatrix by = (CpuMatrix) byRows;
        CpuMatrix divisor = (CpuMatrix) length;
        CpuMatrix gradient = zeros(rows, columns);
        for (int row = 0; row < rows; row++) {
            double along = 0;
            for (int c = 0; c < columns; c++) {
                along += by.at(row, c) * at(row, c);
            }
            for (int c = 0; c < columns; c++) {
                gradient.set(row, c, (by.at(row, c) - along * at(row, c)) / divisor.at(row, 0));
            }
        }
        return gradient;
    }

    @Override
    public CpuMatrix centred() {
        CpuMatrix centred = zeros(rows, columns);
        for (int c = 0; c < columns; c++) {
            double mean = 0;
            for (int row = 0; row < rows; row++) {
                mean += at(row, c) / rows;
            }
            for (int row = 0; row < rows; row++) {
                centred.set(row, c, at(row, c) - mean);
            }
        }
        return centred;
    }

    @Override
    public Term spread(double target, double epsilon, double hingeDivisor, double squareDivisor) {
        double loss = 0;
        CpuMatrix by = zeros(rows, columns);
        for (int a = 0; a < rows; a++) {
            double deviation = Math.sqrt(at(a, a) + epsilon);
            if (deviation < target) {
                loss += (target - deviation) / hingeDivisor;
                by.set(a, a, -1 / (2 * hingeDivisor * deviation));
            }
            for (int b = 0; b < rows; b++) {
                if (a != b) {
                    loss += at(a, b) * at(a, b) / squareDivisor;
                    by.set(a, b, 2 * at(a, b) / squareDivisor);
                }
            }
        }
        return new Term(constant(loss), by);
    }

    @Override
    public Tensor toTensor() {
        float[] rounded = new float[values.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (float) values[i];
        }
        return engine.tensor(Shape.of(rows, columns), rounded);
    }

    @Override
    public Tensor toTensor(Matrix fixed) {
        CpuMatrix masked = rows(0, rows);
        for (int i = 0; i < values.length; i++) {
            masked.values[i] = Double.isNaN(((CpuMatrix) fixed).values[i % columns]) ? values[i] : 0;
        }
        return masked.toTensor();
    }
}
