package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Doubles;
import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Gradient;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Losses on the rows of a batch against their formulas in plain double loops, gradients by central differences of
 * those.
 */
class RowLossesTest {
    private static final int ROWS = 8;
    private static final int COLUMNS = 6;
    /** Central differences of float-sized values in double are good to about 1e-9. */
    private static final double TOLERANCE = 1e-6;

    private static final double UPSTREAM = 0.7;

    private final Engine engine = open();
    private final Tape tape = new Tape(engine);

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static float[] random(long seed) {
        Random random = new Random(seed);
        float[] values = new float[ROWS * COLUMNS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (1.5 * random.nextGaussian());
        }
        return values;
    }

    private void check(float[] values, Function<Variable, Scalar> term, ToDoubleFunction<double[][]> formula) {
        Variable input = Gradient.input(tape, engine.tensor(Shape.of(ROWS, COLUMNS), values));
        Scalar loss = term.apply(input);
        double[][] rows = Doubles.rows(values, COLUMNS);
        Golden.close("loss", new double[] {formula.applyAsDouble(rows)}, new double[] {loss.value()}, TOLERANCE);
        tape.backward(tape.weightedSum(List.of(loss), new double[] {UPSTREAM}));
        Golden.close(
                "gradient",
                Doubles.gradient(rows, z -> UPSTREAM * formula.applyAsDouble(z)),
                Gradient.of(engine, input),
                TOLERANCE);
    }

    private static double[] some(double[] row, int... columns) {
        return Arrays.stream(columns).mapToDouble(c -> row[c]).toArray();
    }

    private static double max(double[] values) {
        return Arrays.stream(values).max().orElseThrow();
    }

    @Test
    void fixedColumnsKeepTheirConstantsAndGetNoGradient() {
        int[] labels = {2, 1, 5, 2, 1, 5, 5, 2};
        FixedLogits fixed = FixedLogits.none(COLUMNS)
                .with(IntStream.of(3), FixedLogits.UNSEEN)
                .with(IntStream.of(0), FixedLogits.ABSENT);
        check(random(1), z -> CrossEntropy.softmax(tape, engine, z, labels, fixed), rows -> {
            double loss = 0;
            for (int i = 0; i < ROWS; i++) {
                double[] z = rows[i].clone();
                z[3] = 1e-9;
                z[0] = -1e9;
                loss -= Math.log(Doubles.softmax(z, 1)[labels[i]]) / ROWS;
            }
            return loss;
        });
    }

    @Test
    void logitReplayIsTheDivergenceFromWhatWasStored() {
        float[] stored = random(3);
        double[][] then = Doubles.rows(stored, COLUMNS);
        FixedLogits fixed = FixedLogits.none(COLUMNS).with(IntStream.of(4, 5), FixedLogits.UNSEEN);
        check(random(2), z -> LogitReplay.term(tape, engine, z, stored, fixed), rows -> {
            double[][] now = Arrays.stream(rows).map(double[]::clone).toArray(double[][]::new);
            Arrays.stream(now).forEach(row -> Arrays.fill(row, 4, 6, 1e-9));
            return Doubles.kl(then, now, 1);
        });
    }

    @Test
    void currentClassesAreHeldAboveEarlierOnesByTheMargin() {
        int[] previous = {0, 1, 2};
        int[] current = {2, 3, 4};
        float[] values = random(4);
        // What earlier classes reach is a constant.
        double[][] given = Doubles.rows(values, COLUMNS);
        check(values, z -> LogitMargin.past(tape, engine, z, previous, current), rows -> {
            double[] missing = IntStream.range(0, ROWS)
                    .mapToDouble(i -> max(Doubles.softmax(some(given[i], previous), 1))
                            + 0.1
                            - max(Doubles.softmax(some(rows[i], current), 1)))
                    .filter(m -> m > 0)
                    .toArray();
            assertTrue(
                    missing.length > 0 && missing.length < ROWS, "the case has rows of both kinds: " + missing.length);
            return Arrays.stream(missing).average().orElse(0);
        });
    }

    @Test
    void currentClassesAreHeldAboveUnseenOnesByTheMargin() {
        int[] unseen = {4, 5};
        int[] current = {1, 2};
        check(random(5), z -> LogitMargin.future(tape, engine, z, unseen, current), rows -> {
            double[] missing = Arrays.stream(rows)
                    .mapToDouble(row -> max(some(row, unseen)) + 0.1 - max(some(row, current)))
                    .filter(m -> m > 0)
                    .toArray();
            assertTrue(
                    missing.length > 0 && missing.length < ROWS, "the case has rows of both kinds: " + missing.length);
            return Arrays.stream(missing).average().orElse(0);
        });
    }

    @Test
    void aMarginThatEveryRowKeepsCostsNothing() {
        float[] values = new float[ROWS * COLUMNS];
        for (int i = 0; i < ROWS; i++) {
            values[i * COLUMNS + 1] = 5;
        }
        Variable input = Gradient.input(tape, engine.tensor(Shape.of(ROWS, COLUMNS), values));
        Scalar loss = LogitMargin.future(tape, engine, input, new int[] {4, 5}, new int[] {0, 1});
        assertEquals(0, loss.value());
        tape.backward(loss);
        for (float g : Gradient.of(engine, input)) {
            assertEquals(0, g);
        }
    }

    private static double cosine(double[] a, double[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int d = 0; d < a.length; d++) {
            ab += a[d] * b[d];
            aa += a[d] * a[d];
            bb += b[d] * b[d];
        }
        return ab / Math.sqrt(aa * bb);
    }

    @Test
    void simClrPrefersTheOtherViewOfTheSameImage() {
        check(random(6), z -> TwoViews.simClr(tape, engine, z, 0.5), rows -> {
            double loss = 0;
            for (int i = 0; i < ROWS; i++) {
                double sum = 0;
                for (int j = 0; j < ROWS; j++) {
                    sum += j == i ? 0 : Math.exp(cosine(rows[i], rows[j]) / 0.5);
                }
                loss -= (cosine(rows[i], rows[(i + ROWS / 2) % ROWS]) / 0.5 - Math.log(sum)) / ROWS;
            }
            return loss;
        });
    }

    @Test
    void simSiamPredictsTheOtherViewsFeature() {
        float[] features = random(8);
        double[][] targets = Doubles.rows(features, COLUMNS);
        Variable constant = tape.input(engine.tensor(Shape.of(ROWS, COLUMNS), features));
        check(random(7), p -> TwoViews.simSiam(tape, engine, p, constant), rows -> {
            double loss = 0;
            for (int i = 0; i < ROWS; i++) {
                loss -= cosine(rows[i], targets[(i + ROWS / 2) % ROWS]) / ROWS;
            }
            return loss;
        });
    }

    @Test
    void vicRegHasItsThreeTerms() {
        // One dimension with little variance: the hinge is at work there, and not elsewhere.
        float[] values = random(9);
        for (int i = 0; i < ROWS; i++) {
            values[i * COLUMNS + 2] *= 0.1f;
        }
        check(values, z -> TwoViews.vicReg(tape, engine, z), rows -> {
            int n = ROWS / 2;
            double loss = 0;
            for (int i = 0; i < n; i++) {
                for (int d = 0; d < COLUMNS; d++) {
                    loss += Math.pow(rows[i][d] - rows[i + n][d], 2) / (n * COLUMNS);
                }
            }
            for (int view = 0; view < 2; view++) {
                double[][] z = Arrays.copyOfRange(rows, view * n, view * n + n);
                for (int a = 0; a < COLUMNS; a++) {
                    for (int b = 0; b < COLUMNS; b++) {
                        double covariance = covariance(z, a, b);
                        loss += a == b
                                ? Math.max(0, 1 - Math.sqrt(covariance + 1e-4)) / (2 * COLUMNS)
                                : covariance * covariance / (25 * COLUMNS);
                    }
                }
            }
            return loss;
        });
    }

    private static double covariance(double[][] z, int a, int b) {
        double meanA = Arrays.stream(z).mapToDouble(row -> row[a]).average().orElseThrow();
        double meanB = Arrays.stream(z).mapToDouble(row -> row[b]).average().orElseThrow();
        return Arrays.stream(z)
                        .mapToDouble(row -> (row[a] - meanA) * (row[b] - meanB))
                        .sum()
                / (z.length - 1);
    }

    @Test
    void anOddNumberOfRowsIsNoTwoViews() {
        Variable odd = tape.input(engine.tensor(Shape.of(3, 2), new float[6]));
        assertEquals(
                "two views need an even number of rows, got 3",
                assertThrows(IllegalArgumentException.class, () -> TwoViews.vicReg(tape, engine, odd))
                        .getMessage());
    }
}
