package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GradientClippingTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private Parameter withGradient(String name, float... gradient) {
        Parameter parameter = new Parameter(name, Parameter.Role.WEIGHT, Shape.of(gradient.length), arena);
        for (int i = 0; i < gradient.length; i++) {
            parameter.gradient().setAtIndex(ValueLayout.JAVA_FLOAT, i, gradient[i]);
        }
        return parameter;
    }

    private static float[] gradient(Parameter parameter) {
        return parameter.gradient().toArray(ValueLayout.JAVA_FLOAT);
    }

    @Test
    void scalesAllGradientsByOneFactor() {
        Parameter a = withGradient("a", 1, -2, 2, 0, 4); // 25
        Parameter b = withGradient("b", 12); // 144, together 13²
        assertEquals(13, new GradientClipping(1.3).apply(List.of(a, b), p -> null), 1e-12);
        assertArrayEquals(new float[] {0.1f, -0.2f, 0.2f, 0, 0.4f}, gradient(a), 1e-6f);
        assertArrayEquals(new float[] {1.2f}, gradient(b), 1e-6f);
    }

    @Test
    void leavesSmallGradientsAlone() {
        Parameter a = withGradient("a", 3, -4);
        assertEquals(5, new GradientClipping(5.001).apply(List.of(a), p -> null), 1e-12);
        assertArrayEquals(new float[] {3, -4}, gradient(a));
    }

    @Test
    void squaresThatOverflowFloatAreClippedTo() {
        Parameter a = withGradient("a", 1e30f, 0);
        assertEquals(1e30f, new GradientClipping(2).apply(List.of(a), p -> null), 1e18);
        assertArrayEquals(new float[] {2, 0}, gradient(a), 1e-6f);
    }

    @Test
    void maskedGradientsDoNotCount() {
        Parameter a = withGradient("a", 3, Float.NaN, 4, 100, 0);
        assertEquals(5, new GradientClipping(10).apply(List.of(a), p -> new byte[] {1, 0, 1, 0, 1}), 1e-12);
    }

    @Test
    void nanAndInfinityAreNamedAndNotClippedAway() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            Parameter fine = withGradient("fine", 10, 10);
            Parameter broken = withGradient("stage1.conv1", 1, bad, 1, 1, 1);
            String message = assertThrows(
                            ArithmeticException.class,
                            () -> new GradientClipping(1).apply(List.of(fine, broken), p -> null))
                    .getMessage();
            assertTrue(
                    message.contains("stage1.conv1") && message.contains(Float.isNaN(bad) ? "NaN" : "Infinity"),
                    message);
            assertArrayEquals(new float[] {10, 10}, gradient(fine));
        }
    }

    @Test
    void refusesALimitThatIsNotPositive() {
        assertThrows(IllegalArgumentException.class, () -> new GradientClipping(0));
        assertThrows(IllegalArgumentException.class, () -> new GradientClipping(Double.NaN));
    }
}
