package dev.palimpsest.gaussian;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TriangleTest {
    /** Of fewer vectors than twice the dimensions, so eigenvalues differ widely, and all above 0.01. */
    private static SimpleMatrix positiveDefinite(int d) {
        SimpleMatrix x = SimpleMatrix.random_DDRM(d, 2 * d, -1, 1, new Random(d));
        return x.mult(x.transpose()).plus(SimpleMatrix.identity(d).scale(0.01));
    }

    private static void assertNear(SimpleMatrix expected, SimpleMatrix actual, double tolerance) {
        double difference = expected.minus(actual).normF();
        assertTrue(difference <= tolerance * expected.normF(), "off by " + difference + " of " + expected.normF());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 17, 112})
    void factorIsLowerTriangularAndItsProductIsTheMatrix(int d) {
        SimpleMatrix a = positiveDefinite(d);
        double[][] lowerHalf = a.toArray2();
        for (int i = 0; i < d; i++) {
            Arrays.fill(lowerHalf[i], i + 1, d, Double.NaN);
        }
        double[][] l = Triangle.cholesky(lowerHalf);
        for (int i = 0; i < d; i++) {
            assertTrue(l[i][i] > 0);
            for (int j = i + 1; j < d; j++) {
                assertEquals(0, l[i][j]);
            }
        }
        SimpleMatrix factor = new SimpleMatrix(l);
        assertNear(a, factor.mult(factor.transpose()), 1e-14 * Math.max(10, d));
    }

    @Test
    void whatIsNotPositiveDefiniteIsRefusedWithThePivot() {
        assertEquals(
                "a covariance of 2 dimensions is not positive definite: pivot 1 is -3.0",
                assertThrows(IllegalArgumentException.class, () -> Triangle.cholesky(new double[][] {{1, 2}, {2, 1}}))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> Triangle.cholesky(new double[][] {{0}}));
        assertThrows(IllegalArgumentException.class, () -> Triangle.cholesky(new double[][] {{Double.NaN}}));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 17, 112})
    void solutionAndLengthAreThoseOfEjml(int d) {
        double[][] l = Triangle.cholesky(positiveDefinite(d).toArray2());
        SimpleMatrix b = SimpleMatrix.random_DDRM(d, 5, -1, 1, new Random(1));
        SimpleMatrix expected = new SimpleMatrix(l).solve(b);
        double[][] aboveIsNotRead = Arrays.stream(l).map(double[]::clone).toArray(double[][]::new);
        for (int i = 0; i < d; i++) {
            Arrays.fill(aboveIsNotRead[i], i + 1, d, Double.NaN);
        }
        assertNear(expected, new SimpleMatrix(Triangle.solve(aboveIsNotRead, b.toArray2())), 1e-10);

        double[] columns = Triangle.inverseColumns(l);
        double[] work = new double[d];
        Arrays.fill(work, Double.NaN);
        for (int c = 0; c < b.getNumCols(); c++) {
            double squared = expected.getColumn(c).dot(expected.getColumn(c));
            double[] v = b.getColumn(c).getDDRM().data;
            assertEquals(squared, Triangle.squaredLength(columns, v, work), 1e-10 * squared);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 17, 112})
    void lengthsOfSeveralAreThoseOfEachToTheBit(int d) {
        double[] columns =
                Triangle.inverseColumns(Triangle.cholesky(positiveDefinite(d).toArray2()));
        for (int count : new int[] {1, 5, 130}) {
            SimpleMatrix v = SimpleMatrix.random_DDRM(d, count, -1, 1, new Random(2));
            double[] lengths = new double[count];
            Arrays.fill(lengths, Double.NaN);
            Triangle.squaredLengths(columns, v.toArray2(), lengths);
            for (int c = 0; c < count; c++) {
                double[] one = v.getColumn(c).getDDRM().data;
                assertTrue(lengths[c] > 0);
                assertEquals(Triangle.squaredLength(columns, one, new double[d]), lengths[c]);
            }
        }
    }

    @Test
    void transposedSwapsRowsAndColumns() {
        SimpleMatrix a = SimpleMatrix.random_DDRM(3, 5, -1, 1, new Random(1));
        assertNear(a.transpose(), new SimpleMatrix(Triangle.transposed(a.toArray2())), 0);
    }
}
