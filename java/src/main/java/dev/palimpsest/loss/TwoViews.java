package dev.palimpsest.loss;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;

/**
 * Self-supervised losses of two views of the same images. The input holds both: rows 0 to N−1 the first view, rows N to 2N−1 the second.
 */
public final class TwoViews {
    private TwoViews() {}

    /**
     * SimCLR's NT-Xent (Chen 2020): mean over all 2N rows of −log( exp(cos(i, i')/T) / Σ_{j≠i} exp(cos(i, j)/T) ), i' the other view of i.
     *
     * @param projections [2N, D]
     */
    public static Scalar simClr(Tape tape, Engine engine, Variable projections, double temperature) {
        Matrix z = pairs(engine, projections);
        double[] length = z.lengths();
        Matrix unit = Matrix.unitRows(z, length);
        int rows = z.rows();
        Matrix cosine = unit.times(unit.transposed());
        Matrix similarity = Matrix.zeros(rows, rows).plus(1 / temperature, cosine);
        for (int row = 0; row < rows; row++) {
            similarity.set(row, row, Double.NEGATIVE_INFINITY);
        }
        Matrix p = similarity.softmax();
        double loss = 0;
        Matrix bySimilarity = Matrix.zeros(rows, rows).plus(1.0 / rows, p);
        for (int row = 0; row < rows; row++) {
            int other = (row + rows / 2) % rows;
            loss -= Math.log(p.at(row, other)) / rows;
            bySimilarity.set(row, other, bySimilarity.at(row, other) - 1.0 / rows);
        }
        Matrix byUnit = Matrix.zeros(z.rows(), z.columns())
                .plus(1 / temperature, bySimilarity.plus(1, bySimilarity.transposed()).times(unit));
        return byUnit.unitRowsGradient(unit, length).asGradient(tape, engine, projections, loss);
    }

    /**
     * SimSiam (Chen and He 2021): −mean over rows of cos(prediction of one view, feature of the other). The features are constants.
     *
     * @param predictions [2N, D]
     * @param features [2N, D], what was predicted from
     */
    public static Scalar simSiam(Tape tape, Engine engine, Variable predictions, Variable features) {
        Matrix p = pairs(engine, predictions);
        Matrix f = pairs(engine, features);
        double[] length = p.lengths();
        Matrix unit = Matrix.unitRows(p, length);
        Matrix target = Matrix.unitRows(f, f.lengths());
        Matrix byUnit = Matrix.zeros(p.rows(), p.columns());
        double loss = 0;
        for (int row = 0; row < p.rows(); row++) {
            int other = (row + p.rows() / 2) % p.rows();
            for (int c = 0; c < p.columns(); c++) {
                loss -= unit.at(row, c) * target.at(other, c) / p.rows();
                byUnit.set(row, c, -target.at(other, c) / p.rows());
            }
        }
        return byUnit.unitRowsGradient(unit, length).asGradient(tape, engine, predictions, loss);
    }

    /**
     * VICReg (Bardes 2022), weights 25, 25, 1 and divided by 25: mean squared difference of the views; hinge max(0, 1 − √(variance + 1e-4))
     * of every dimension, mean over both views; squared off-diagonal covariances divided by D, summed over both views.
     *
     * @param projections [2N, D], N at least 2
     */
    public static Scalar vicReg(Tape tape, Engine engine, Variable projections) {
        Matrix z = pairs(engine, projections);
        int half = z.rows() / 2;
        int dims = z.columns();
        if (half < 2) {
            throw new IllegalArgumentException("VICReg needs at least two images to have a variance, got " + half);
        }
        Matrix gradient = Matrix.zeros(z.rows(), dims);
        double loss = 0;
        for (int row = 0; row < half; row++) {
            for (int c = 0; c < dims; c++) {
                double difference = z.at(row, c) - z.at(row + half, c);
                loss += difference * difference / (half * dims);
                gradient.set(row, c, 2 * difference / (half * dims));
                gradient.set(row + half, c, -2 * difference / (half * dims));
            }
        }
        for (int first = 0; first < z.rows(); first += half) {
            loss += spread(z, first, half, gradient);
        }
        return gradient.asGradient(tape, engine, projections, loss);
    }

    /** Variance and covariance terms of one view; adds to its rows of the gradient. */
    private static double spread(Matrix z, int first, int rows, Matrix gradient) {
        int dims = z.columns();
        Matrix centred = Matrix.zeros(rows, dims);
        for (int c = 0; c < dims; c++) {
            double mean = 0;
            for (int row = 0; row < rows; row++) {
                mean += z.at(first + row, c) / rows;
            }
            for (int row = 0; row < rows; row++) {
                centred.set(row, c, z.at(first + row, c) - mean);
            }
        }
        Matrix covariance = Matrix.zeros(dims, dims).plus(1.0 / (rows - 1), centred.transposed().times(centred));
        double loss = 0;
        Matrix byCovariance = Matrix.zeros(dims, dims);
        for (int a = 0; a < dims; a++) {
            double deviation = Math.sqrt(covariance.at(a, a) + 1e-4);
            if (deviation < 1) {
                loss += (1 - deviation) / (2 * dims);
                byCovariance.set(a, a, -1 / (4 * dims * deviation));
            }
            for (int b = 0; b < dims; b++) {
                if (a != b) {
                    loss += covariance.at(a, b) * covariance.at(a, b) / (25 * dims);
                    byCovariance.set(a, b, 2 * covariance.at(a, b) / (25 * dims));
                }
            }
        }
        // Centring needs no step of its own: the columns of this product already add up to zero.
        Matrix byRows = centred.times(byCovariance);
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < dims; c++) {
                gradient.set(first + row, c, gradient.at(first + row, c) + 2.0 / (rows - 1) * byRows.at(row, c));
            }
        }
        return loss;
    }

    private static Matrix pairs(Engine engine, Variable views) {
        Matrix z = Matrix.of(engine, views.value());
        if (z.rows() < 2 || z.rows() % 2 != 0) {
            throw new IllegalArgumentException("two views need an even number of rows, got " + z.rows());
        }
        return z;
    }
}
