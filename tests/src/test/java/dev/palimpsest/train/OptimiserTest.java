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
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Against one weight at a time in double precision, written from PyTorch's documentation; sizes on both sides of a
 * block's edge.
 */
class OptimiserTest {
    private static final int STEPS = 40;
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private interface Factory extends BiFunction<List<Parameter>, Function<Parameter, byte[]>, Optimiser> {}

    /** The path of one weight under given gradients. */
    private interface Reference {
        double follow(double weight, double[] gradients, double[] rates);
    }

    private record Case(String name, Factory factory, Reference reference) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Case> cases() {
        return Stream.of(
                new Case("plain", (p, m) -> new Sgd(p, m, 0, false, 0), (w, g, r) -> sgd(w, g, r, 0, false, 0)),
                new Case("decay", (p, m) -> new Sgd(p, m, 0, false, 0.1), (w, g, r) -> sgd(w, g, r, 0, false, 0.1)),
                new Case(
                        "momentum",
                        (p, m) -> new Sgd(p, m, 0.9, false, 0.01),
                        (w, g, r) -> sgd(w, g, r, 0.9, false, 0.01)),
                new Case(
                        "nesterov",
                        (p, m) -> new Sgd(p, m, 0.8, true, 0.01),
                        (w, g, r) -> sgd(w, g, r, 0.8, true, 0.01)),
                new Case("adam", Adam::new, (w, g, r) -> adam(w, g, r, 0.9, 0.999, 1e-8, 0)),
                new Case(
                        "adam decay",
                        (p, m) -> new Adam(p, m, 0.7, 0.95, 1e-2, 0.1),
                        (w, g, r) -> adam(w, g, r, 0.7, 0.95, 1e-2, 0.1)));
    }

    private static double sgd(
            double w, double[] gradients, double[] rates, double momentum, boolean nesterov, double decay) {
        double buffer = 0;
        for (int t = 0; t < gradients.length; t++) {
            double d = gradients[t] + decay * w;
            buffer = t == 0 ? d : momentum * buffer + d;
            w -= rates[t] * (momentum == 0 ? d : nesterov ? d + momentum * buffer : buffer);
        }
        return w;
    }

    private static double adam(
            double w, double[] gradients, double[] rates, double b1, double b2, double eps, double decay) {
        double m = 0;
        double v = 0;
        for (int t = 0; t < gradients.length; t++) {
            double g = gradients[t] + decay * w;
            m = b1 * m + (1 - b1) * g;
            v = b2 * v + (1 - b2) * g * g;
            double mHat = m / (1 - Math.pow(b1, t + 1));
            double vHat = v / (1 - Math.pow(b2, t + 1));
            w -= rates[t] * mHat / (Math.sqrt(vHat) + eps);
        }
        return w;
    }

    private Parameter parameter(String name, Random random, int... shape) {
        Parameter parameter = new Parameter(name, Parameter.Role.WEIGHT, Shape.of(shape), arena);
        parameter.set(gaussian(random, parameter.size()));
        return parameter;
    }

    private static float[] gaussian(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static void gradient(Parameter parameter, float[] gradient) {
        for (int i = 0; i < gradient.length; i++) {
            parameter.gradient().setAtIndex(ValueLayout.JAVA_FLOAT, i, gradient[i]);
        }
    }

    private static int[] bits(Parameter parameter) {
        return parameter.value().toArray(ValueLayout.JAVA_INT);
    }

    private static byte[] everyThird(int size) {
        byte[] mask = new byte[size];
        for (int i = 0; i < size; i += 3) {
            mask[i] = 1;
        }
        return mask;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void followsTheScalarReference(Case c) {
        Random random = new Random(7);
        List<Parameter> parameters = List.of(
                parameter("one", random, 1), parameter("block", random, 1024), parameter("odd", random, 7, 331));
        double[] rates = random.doubles(STEPS, 0.001, 0.1).toArray();
        for (boolean masked : new boolean[] {false, true}) {
            Optimiser optimiser = c.factory.apply(parameters, p -> masked ? everyThird(p.size()) : null);
            List<float[]> start = parameters.stream().map(Parameter::toArray).toList();
            List<float[][]> gradients =
                    parameters.stream().map(p -> new float[STEPS][]).toList();
            for (int t = 0; t < STEPS; t++) {
                for (int p = 0; p < parameters.size(); p++) {
                    gradients.get(p)[t] = gaussian(random, parameters.get(p).size());
                    gradient(parameters.get(p), gradients.get(p)[t]);
                }
                optimiser.step(rates[t]);
            }
            for (int p = 0; p < parameters.size(); p++) {
                float[] end = parameters.get(p).toArray();
                for (int i = 0; i < end.length; i++) {
                    final int index = i;
                    final float[][] g = gradients.get(p);
                    double[] path = IntStream.range(0, STEPS)
                            .mapToDouble(t -> g[t][index])
                            .toArray();
                    boolean moves = !masked || i % 3 == 0;
                    double expected = moves ? c.reference.follow(start.get(p)[i], path, rates) : start.get(p)[i];
                    assertEquals(
                            expected,
                            end[i],
                            moves ? 2e-6 * STEPS : 0,
                            parameters.get(p).name() + "[" + i + "]");
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void maskedWeightsKeepTheirBitsUnderDecayAndOldMomentum(Case c) {
        Random random = new Random(1);
        Parameter parameter = parameter("w", random, 1500);
        byte[][] mask = {null};
        Optimiser optimiser = c.factory.apply(List.of(parameter), p -> mask[0]);
        for (int t = 0; t < 5; t++) {
            gradient(parameter, gaussian(random, 1500));
            optimiser.step(0.1);
        }
        mask[0] = everyThird(1500);
        float[] special = {-0.0f, Float.NaN, Float.NEGATIVE_INFINITY, Float.MIN_VALUE, 0.0f};
        for (int i = 1; i < 1500; i += 3) {
            parameter.value().setAtIndex(ValueLayout.JAVA_FLOAT, i, special[i % special.length]);
        }
        int[] before = bits(parameter);
        for (int t = 0; t < 5; t++) {
            float[] gradient = gaussian(random, 1500);
            gradient[1] = Float.NaN;
            gradient[2] = Float.POSITIVE_INFINITY;
            gradient(parameter, gradient);
            optimiser.step(0.1);
        }
        int[] after = bits(parameter);
        for (int i = 0; i < 1500; i++) {
            assertEquals(i % 3 != 0, before[i] == after[i], "weight " + i);
        }
    }

    /** One optimiser makes a wholly masked step with another gradient in between; afterwards both go on alike. */
    @ParameterizedTest
    @MethodSource("cases")
    void maskedStateDoesNotMove(Case c) {
        Random random = new Random(2);
        Parameter a = parameter("w", random, 50);
        Parameter b = new Parameter("w", Parameter.Role.WEIGHT, a.shape(), arena);
        b.set(a.toArray());
        byte[][] mask = {null};
        Optimiser first = c.factory.apply(List.of(a), p -> mask[0]);
        // Adam's bias correction counts the parameter's steps, masked or not, so the other one makes that step with
        // nothing to follow.
        byte[][] otherMask = {null};
        Optimiser second = c.factory.apply(List.of(b), p -> otherMask[0]);
        float[] g = gaussian(random, 50);
        for (byte[] now : new byte[][] {null, new byte[50], null}) {
            mask[0] = now;
            otherMask[0] = now;
            gradient(a, now == null ? g : gaussian(random, 50));
            gradient(b, now == null ? g : new float[50]);
            first.step(0.1);
            second.step(0.1);
        }
        assertArrayEquals(bits(b), bits(a));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aReleasedWeightClaimedAgainStartsWithoutMomentum(Case c) {
        Random random = new Random(3);
        Parameter parameter = parameter("w", random, 12);
        byte[][] mask = {null};
        Optimiser optimiser = c.factory.apply(List.of(parameter), p -> mask[0]);
        gradient(parameter, gaussian(random, 12));
        optimiser.step(0.1);
        mask[0] = everyThird(12);
        optimiser.forgetMasked();
        mask[0] = null;
        for (int i = 1; i < 12; i += 3) {
            parameter.value().setAtIndex(ValueLayout.JAVA_FLOAT, i, 0);
        }
        gradient(parameter, new float[12]);
        int[] before = bits(parameter);
        optimiser.step(0.1);
        int[] after = bits(parameter);
        for (int i = 1; i < 12; i += 3) {
            assertEquals(before[i], after[i], "released weight " + i);
        }
        assertEquals(!c.name.equals("plain"), before[3] != after[3], "a survivor goes on with its momentum and decay");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void resetMakesTheNextStepTheFirst(Case c) {
        Random random = new Random(4);
        Parameter used = parameter("w", random, 20);
        Optimiser optimiser = c.factory.apply(List.of(used), p -> null);
        gradient(used, gaussian(random, 20));
        optimiser.step(0.1);
        optimiser.reset();
        Parameter fresh = new Parameter("w", Parameter.Role.WEIGHT, used.shape(), arena);
        fresh.set(used.toArray());
        float[] g = gaussian(random, 20);
        gradient(used, g);
        gradient(fresh, g);
        optimiser.step(0.1);
        c.factory.apply(List.of(fresh), p -> null).step(0.1);
        assertArrayEquals(bits(fresh), bits(used));
    }

    @Test
    void aGrownHeadKeepsItsMomentumAndNewRowsStartAtZero() {
        Random random = new Random(5);
        Parameter head = parameter("head", random, 2, 3);
        Optimiser optimiser = new Sgd(List.of(head), p -> null, 0.5, false, 0);
        gradient(head, new float[] {1, 2, 3, 4, 5, 6});
        optimiser.step(0);
        Parameter grown = new Parameter("head", Parameter.Role.HEAD, Shape.of(4, 3), arena);
        optimiser.track(List.of(grown));
        optimiser.step(1);
        assertArrayEquals(new float[] {-0.5f, -1, -1.5f, -2, -2.5f, -3, 0, 0, 0, 0, 0, 0}, grown.toArray());
        assertEquals(1, grown.version());
    }

    @Test
    void refusalsSayWhatIsWrong() {
        Parameter w = parameter("w", new Random(6), 2, 3);
        Parameter narrower = parameter("w", new Random(6), 2, 2);
        Optimiser sgd = new Sgd(List.of(w), p -> new byte[5], 0.9, false, 0);
        assertMessage("mask of w has 5 entries", () -> sgd.step(0.1));
        assertMessage("w was 2×3 and is 2×2", () -> sgd.track(List.of(narrower)));
        assertMessage("two parameters are named w", () -> new Adam(List.of(w, narrower), p -> null));
        assertMessage("learning rate NaN", () -> sgd.step(Double.NaN));
        assertMessage("Nesterov needs a momentum", () -> new Sgd(List.of(w), p -> null, 0, true, 0));
        assertMessage("momentum 1.0", () -> new Sgd(List.of(w), p -> null, 1, false, 0));
        assertMessage("weight decay -1.0", () -> new Sgd(List.of(w), p -> null, 0, false, -1));
        assertMessage("beta2 1.0", () -> new Adam(List.of(w), p -> null, 0.9, 1, 1e-8, 0));
    }

    private static void assertMessage(String expected, Executable executable) {
        String message =
                assertThrows(IllegalArgumentException.class, executable).getMessage();
        assertTrue(message.contains(expected), message);
    }
}
