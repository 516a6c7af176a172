package dev.palimpsest.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShrinkageTest {
    /** Equation 23 of the paper, with EJML. */
    static SimpleMatrix oas(SimpleMatrix s, long n) {
        double d = s.getNumRows();
        double trace = s.trace();
        double traceOfSquare = s.mult(s).trace();
        double rho = Math.min(
                1,
                ((1 - 2 / d) * traceOfSquare + trace * trace)
                        / ((n + 1 - 2 / d) * (traceOfSquare - trace * trace / d)));
        return s.scale(1 - rho).plus(SimpleMatrix.identity(s.getNumRows()).scale(rho * trace / d));
    }

    @ParameterizedTest
    @CsvSource({"2, 5", "3, 2", "17, 10", "17, 1000", "112, 50"})
    void resultIsThatOfThePlainFormula(int d, int n) {
        Random random = new Random(d);
        SimpleMatrix x = SimpleMatrix.random_DDRM(d, n, -1, 1, random);
        for (int i = 0; i < d; i++) {
            x.setRow(i, x.getRow(i).scale(0.1 + i));
        }
        SimpleMatrix s = x.mult(x.transpose()).scale(1.0 / n);
        SimpleMatrix expected = oas(s, n);
        double[][] shrunk = s.toArray2();
        Shrinkage.shrink(shrunk, n);
        assertTrue(expected.minus(new SimpleMatrix(shrunk)).normF() <= 1e-12 * s.normF());
        assertTrue(expected.minus(s).normF() > 1e-4 * s.normF(), "there is something to shrink");
        assertEquals(s.trace(), new SimpleMatrix(shrunk).trace(), 1e-12 * s.trace());
        assertArrayEquals(shrunk, Shrinkage.oas(s.toArray2(), n));
    }

    /** d = 2, n = 3, S = diag(3, 1): ρ = tr² S / (3·(10 − 8)) = 16/6, so 1. With n = 15: 16/30. */
    @Test
    void resultIsThatOfTheHand() {
        double[][] few = {{3, 0}, {0, 1}};
        Shrinkage.shrink(few, 3);
        assertArrayEquals(new double[][] {{2, 0}, {0, 2}}, few);
        double[][] more = {{3, 0}, {0, 1}};
        Shrinkage.shrink(more, 15);
        assertArrayEquals(new double[] {2 + 14.0 / 30, 0}, more[0], 1e-15);
        assertArrayEquals(new double[] {0, 2 - 14.0 / 30}, more[1], 1e-15);
    }

    @Test
    void whereNothingVariesItStaysZeroOrBecomesTheIdentityToInvert() {
        double[][] zero = new double[2][2];
        Shrinkage.shrink(zero, 1);
        assertArrayEquals(new double[2][2], zero);
        assertArrayEquals(new double[][] {{1, 0}, {0, 1}}, Shrinkage.oas(new double[2][2], 1));
    }

    @Test
    void oneDimensionAndEqualVariancesStay() {
        assertArrayEquals(new double[][] {{3}}, Shrinkage.oas(new double[][] {{3}}, 4));
        assertArrayEquals(new double[][] {{3, 0}, {0, 3}}, Shrinkage.oas(new double[][] {{3, 0}, {0, 3}}, 4));
    }
}
