package dev.palimpsest.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.Golden;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import java.util.Random;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Products against EJML, and what does not fit. What losses are made of them is tested with the losses. */
class MatricesTest {
    private final Engine engine = open();

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private Tensor tensor(SimpleMatrix values) {
        double[] all = values.getDDRM().data;
        float[] floats = new float[all.length];
        for (int i = 0; i < all.length; i++) {
            floats[i] = (float) all[i];
        }
        return engine.tensor(Shape.of(values.getNumRows(), values.getNumCols()), floats);
    }

    @Test
    void productsAndSumsAreEjmls() {
        SimpleMatrix a = SimpleMatrix.random_DDRM(5, 3, -1, 1, new Random(1));
        SimpleMatrix b = SimpleMatrix.random_DDRM(4, 3, -1, 1, new Random(2));
        SimpleMatrix c = SimpleMatrix.random_DDRM(5, 4, -1, 1, new Random(3));
        try (Matrices on = engine.matrices()) {
            Matrix product =
                    on.of(tensor(a)).times(on.of(tensor(b)).transposed()).plus(-2, on.of(tensor(c)));
            SimpleMatrix expected = a.mult(b.transpose()).minus(c.scale(2));
            Golden.close("product", expected.getDDRM().data, engine.toArray(product.toTensor()), 1e-6);
            assertEquals(
                    expected.elementMult(c).elementSum(),
                    product.dot(on.of(tensor(c))).getAsDouble(),
                    1e-6);
        }
    }

    @Test
    void partsOfAStackAreWhatWasStacked() {
        Tensor first = engine.tensor(Shape.of(2, 1, 1, 3), new float[] {1, 2, 3, 4, 5, 6});
        Tensor second = engine.tensor(Shape.of(1, 1, 1, 3), new float[] {7, 8, 9});
        Tensor both = engine.stacked(List.of(first, second));
        assertEquals(Shape.of(3, 1, 1, 3), both.shape());
        assertArrayEquals(new float[] {4, 5, 6, 7, 8, 9}, engine.toArray(engine.part(both, 1, 3)));
        refused(
                "each tensor of the stack must be 1×1×1×3, got 1×3",
                () -> engine.stacked(List.of(second, engine.tensor(Shape.of(1, 3), new float[3]))));
        assertThrows(IndexOutOfBoundsException.class, () -> engine.part(both, 2, 4));
    }

    private static void refused(String sentence, Executable call) {
        assertEquals(
                sentence, assertThrows(IllegalArgumentException.class, call).getMessage());
    }

    @Test
    void sizesThatDoNotFitAreErrors() {
        try (Matrices on = engine.matrices()) {
            Matrix wide = on.of(engine.tensor(Shape.of(2, 3), new float[6]));
            Matrix high = wide.transposed();
            refused("matrices of 2×3 and 2×3 have no product", () -> wide.times(wide));
            refused("expected two matrices of one size, got 2×3 and 3×2", () -> wide.plus(1, high));
            refused("expected two matrices of one size, got 2×3 and 3×2", () -> wide.dot(high));
            refused("expected as many columns in both matrices, got 2×3 and 3×2", () -> wide.above(high));
            refused("1 labels for a matrix of 2×3", () -> wide.softmax().logLoss(new int[] {0}));
            refused(
                    "constants for 2 columns must be 1×2, got 1×3",
                    () -> on.of(engine.tensor(Shape.of(1, 2), new float[2]), on.row(new double[3])));
            refused(
                    "a loss's input must be a matrix, got row-major values of 6",
                    () -> on.of(engine.tensor(Shape.of(6), new float[6])));
            assertEquals(
                    "column 3 of a matrix of 2×3",
                    assertThrows(
                                    IndexOutOfBoundsException.class,
                                    () -> wide.margin(new int[] {0}, new int[] {3}, 0.1, false))
                            .getMessage());
        }
        refused(
                "one-hot rows of 1 matrices must be 2×1, got 1×2",
                () -> engine.chosenRows(
                        engine.tensor(Shape.of(1, 2), new float[2]),
                        List.of(engine.tensor(Shape.of(2, 3), new float[6]))));
        refused(
                "0 targets, 0 sources and 1 shares: expected as many of each",
                () -> engine.movingAverage(List.of(), List.of(), new float[1]));
    }
}
