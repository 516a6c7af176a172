package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;

/**
 * Self-supervised losses of two views of the same images. The input holds both: rows 0 to N−1 the first view, rows N
 * to 2N−1 the second.
 */
final class TwoViews {
    private static final int VIEWS = 2;
    /** VICReg's standard deviation below which a dimension is pulled apart. */
    private static final double DEVIATION = 1;
    /** VICReg's addend of a variance. */
    private static final double EPSILON = 1e-4;
    /** VICReg's weight of invariance and of variance where covariance has 1. */
    private static final double INVARIANCE = 25;

    private TwoViews() {}

    /**
     * SimCLR's NT-Xent (Chen 2020): mean over all 2N rows of −log( exp(cos(i, i')/T) / Σ_{j≠i} exp(cos(i, j)/T) ), i'
     * the other view of i, in nats.
     *
     * @param tape records the term
     * @param engine computes it
     * @param projections [2N, D]
     * @param temperature T, above 0
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if the number of rows is not even
     */
    public static Scalar simClr(Tape tape, Engine engine, Variable projections, double temperature) {
        try (Matrices matrices = engine.matrices()) {
            Matrix.Unit unit = pairs(matrices, projections).unitRows();
            int rows = unit.rows().rows();
            Matrix similarity = unit.rows().times(unit.rows().transposed()).scaled(1 / temperature);
            int[] others =
                    IntStream.range(0, rows).map(row -> (row + rows / 2) % rows).toArray();
            Matrix.Term loss =
                    similarity.withDiagonal(Double.NEGATIVE_INFINITY).softmax().logLoss(others);
            Matrix bySimilarity = loss.gradient();
            Matrix byUnit = bySimilarity
                    .plus(1, bySimilarity.transposed())
                    .times(unit.rows())
                    .scaled(1 / temperature);
            return tape.fused(
                    projections, new Loss(loss.value(), unit.gradient(byUnit).toTensor()));
        }
    }

    /**
     * SimSiam (Chen and He 2021): −mean over rows of cos(prediction of one view, feature of the other). The features
     * are constants.
     *
     * @param tape records the term
     * @param engine computes it
     * @param predictions [2N, D]
     * @param features [2N, D], what was predicted from
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if the number of rows is not even
     */
    public static Scalar simSiam(Tape tape, Engine engine, Variable predictions, Variable features) {
        try (Matrices matrices = engine.matrices()) {
            Matrix.Unit unit = pairs(matrices, predictions).unitRows();
            Matrix target = pairs(matrices, features).unitRows().rows();
            int rows = target.rows();
            Matrix other = target.rows(rows / 2, rows).above(target.rows(0, rows / 2));
            DoubleSupplier cosines = unit.rows().dot(other);
            return tape.fused(
                    predictions,
                    new Loss(
                            () -> -cosines.getAsDouble() / rows,
                            unit.gradient(other.over(-rows)).toTensor()));
        }
    }

    /**
     * VICReg (Bardes 2022), weights 25, 25, 1 and divided by 25: mean squared difference of the views; hinge max(0, 1
     * − √(variance + 1e-4)) of every dimension, mean over both views; squared off-diagonal covariances divided by D,
     * summed over both views.
     *
     * @param tape records the term
     * @param engine computes it
     * @param projections [2N, D], N at least 2
     * @return the term, one number on the tape
     * @throws IllegalArgumentException if the number of rows is not even or below 4
     */
    public static Scalar vicReg(Tape tape, Engine engine, Variable projections) {
        try (Matrices matrices = engine.matrices()) {
            Matrix z = pairs(matrices, projections);
            int half = z.rows() / 2;
            if (half < 2) {
                throw new IllegalArgumentException("VICReg needs at least two images to have a variance, got " + half);
            }
            Matrix first = z.rows(0, half);
            Matrix second = z.rows(half, z.rows());
            Matrix difference = first.plus(-1, second);
            double values = half * z.columns();
            Matrix apart = difference.scaled(2).over(values);
            DoubleSupplier squares = difference.dot(difference);
            Matrix.Term one = spread(first);
            Matrix.Term two = spread(second);
            Matrix gradient = apart.plus(1, one.gradient()).above(two.gradient().plus(-1, apart));
            return tape.fused(
                    projections,
                    new Loss(
                            () -> squares.getAsDouble() / values
                                    + one.value().getAsDouble()
                                    + two.value().getAsDouble(),
                            gradient.toTensor()));
        }
    }

    /** Variance and covariance terms of one view. */
    private static Matrix.Term spread(Matrix view) {
        Matrix centred = view.centred();
        double dims = view.columns();
        Matrix.Term term = centred.transposed()
                .times(centred)
                .scaled(1.0 / (view.rows() - 1))
                .spread(DEVIATION, EPSILON, VIEWS * dims, INVARIANCE * dims);
        // Centring needs no step of its own: the columns of this product already add up to zero.
        return new Matrix.Term(term.value(), centred.times(term.gradient()).scaled(2.0 / (view.rows() - 1)));
    }

    private static Matrix pairs(Matrices matrices, Variable views) {
        Matrix z = matrices.of(views.value());
        if (z.rows() < 2 || z.rows() % 2 != 0) {
            throw new IllegalArgumentException("two views need an even number of rows, got " + z.rows());
        }
        return z;
    }
}
