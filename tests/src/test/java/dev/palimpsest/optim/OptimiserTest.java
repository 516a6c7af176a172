package dev.palimpsest.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The contract of every backend's optimiser, against one weight at a time in double precision, written from PyTorch's
 * documentation; sizes on both sides of a block's edge.
 */
abstract class OptimiserTest {
    private static final UpdateRule SGD = new UpdateRule.Sgd(0, false, 0);

    final Arena arena = Arena.ofShared();
    private final List<Optimiser> opened = new ArrayList<>();
    private Engine engine;

    abstract Engine open();

    @BeforeEach
    void start() {
        engine = open();
    }

    @AfterEach
    void close() {
        opened.forEach(Optimiser::close);
        engine.close();
        arena.close();
    }

    static Stream<UpdateRule> rules() {
        return Stream.of(
                SGD,
                new UpdateRule.Sgd(0, false, 0.1),
                new UpdateRule.Sgd(0.9, false, 0.01),
                new UpdateRule.Sgd(0.8, true, 0.01),
                new UpdateRule.Adam(0),
                new UpdateRule.Adam(0.7, 0.95, 1e-2, 0.1));
    }

    final Optimiser optimiser(UpdateRule rule, Parameter... parameters) {
        Optimiser optimiser = engine.optimiser(rule);
        opened.add(optimiser);
        optimiser.track(List.of(parameters));
        return optimiser;
    }

    final Parameter parameter(String name, Random random, int... shape) {
        Parameter parameter = new Parameter(name, Parameter.Role.WEIGHT, Shape.of(shape), arena);
        parameter.set(gaussian(random, parameter.size()));
        return parameter;
    }

    static float[] gaussian(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    static void gradient(Parameter parameter, float... gradient) {
        parameter.updateGradient().copyFrom(MemorySegment.ofArray(gradient));
    }

    static int[] bits(Parameter parameter) {
        return parameter.read().toArray(JAVA_INT);
    }

    private static byte[] everyThird(int size) {
        byte[] mask = new byte[size];
        for (int i = 0; i < size; i += 3) {
            mask[i] = 1;
        }
        return mask;
    }

    /** A parameter's weights, each followed in double precision. */
    private static final class Reference {
        final double[] w;
        private final double[] m;
        private final double[] v;
        private final UpdateRule rule;
        int steps;

        Reference(UpdateRule rule, float[] weights) {
            this.rule = rule;
            w = new double[weights.length];
            m = new double[weights.length];
            v = new double[weights.length];
            Arrays.setAll(w, i -> weights[i]);
        }

        /** The same parameter with more weights. */
        Reference grown(float[] more) {
            float[] weights = Arrays.copyOf(new float[0], w.length + more.length);
            System.arraycopy(more, 0, weights, w.length, more.length);
            Reference grown = new Reference(rule, weights);
            System.arraycopy(w, 0, grown.w, 0, w.length);
            System.arraycopy(m, 0, grown.m, 0, w.length);
            System.arraycopy(v, 0, grown.v, 0, w.length);
            grown.steps = steps;
            return grown;
        }

        void forget(int i) {
            m[i] = 0;
            v[i] = 0;
        }

        void step(float[] gradient, byte[] mask, double rate) {
            steps++;
            for (int i = 0; i < w.length; i++) {
                if (mask == null || mask[i] != 0) {
                    w[i] -= rate * direction(i, gradient[i]);
                }
            }
        }

        private double direction(int i, double gradient) {
            return switch (rule) {
                case UpdateRule.Sgd sgd -> {
                    double d = gradient + sgd.weightDecay() * w[i];
                    m[i] = sgd.momentum() * m[i] + d;
                    yield sgd.nesterov() ? d + sgd.momentum() * m[i] : m[i];
                }
                case UpdateRule.Adam adam -> {
                    double g = gradient + adam.weightDecay() * w[i];
                    m[i] = adam.beta1() * m[i] + (1 - adam.beta1()) * g;
                    v[i] = adam.beta2() * v[i] + (1 - adam.beta2()) * g * g;
                    double mean = m[i] / (1 - Math.pow(adam.beta1(), steps));
                    double square = v[i] / (1 - Math.pow(adam.beta2(), steps));
                    yield mean / (Math.sqrt(square) + adam.epsilon());
                }
            };
        }

        void requireEqual(Parameter parameter) {
            float[] found = parameter.toArray();
            for (int i = 0; i < w.length; i++) {
                assertEquals(w[i], found[i], 2e-6 * Math.max(20, steps), parameter.name() + "[" + i + "]");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("rules")
    void followsTheScalarReference(UpdateRule rule) {
        Random random = new Random(7);
        Parameter[] parameters = {
            parameter("one", random, 1), parameter("block", random, 1024), parameter("odd", random, 7, 331)
        };
        for (boolean masked : new boolean[] {false, true}) {
            Optimiser optimiser = optimiser(rule, parameters);
            optimiser.masks(p -> masked ? everyThird(p.size()) : null);
            List<Reference> references = Arrays.stream(parameters)
                    .map(p -> new Reference(rule, p.toArray()))
                    .toList();
            for (int t = 0; t < 40; t++) {
                double rate = random.nextDouble(0.001, 0.1);
                for (int p = 0; p < parameters.length; p++) {
                    float[] g = gaussian(random, parameters[p].size());
                    gradient(parameters[p], g);
                    references.get(p).step(g, masked ? everyThird(g.length) : null, rate);
                }
                optimiser.step(rate);
            }
            for (int p = 0; p < parameters.length; p++) {
                references.get(p).requireEqual(parameters[p]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("rules")
    void maskedWeightsKeepTheirBitsUnderDecayAndOldMomentum(UpdateRule rule) {
        Random random = new Random(1);
        Parameter parameter = parameter("w", random, 1500);
        Optimiser optimiser = optimiser(rule, parameter);
        for (int t = 0; t < 5; t++) {
            gradient(parameter, gaussian(random, 1500));
            optimiser.step(0.1);
        }
        optimiser.masks(p -> everyThird(1500));
        float[] special = {-0.0f, Float.NaN, Float.NEGATIVE_INFINITY, Float.MIN_VALUE, 0.0f};
        for (int i = 1; i < 1500; i += 3) {
            parameter.update().setAtIndex(JAVA_FLOAT, i, special[i % special.length]);
        }
        int[] before = bits(parameter);
        for (int t = 0; t < 5; t++) {
            float[] gradient = gaussian(random, 1500);
            gradient[1] = Float.NaN;
            gradient[2] = Float.POSITIVE_INFINITY;
            gradient(parameter, gradient);
            optimiser.clip(1e3);
            optimiser.step(0.1);
        }
        int[] after = bits(parameter);
        for (int i = 0; i < 1500; i++) {
            assertEquals(i % 3 != 0, before[i] == after[i], "weight " + i);
        }
    }

    /** Masks change at random: a weight goes on with its momentum only if it moved before and still does. */
    @ParameterizedTest
    @MethodSource("rules")
    void weightsStartWithoutMomentumWheneverTheyAreClaimedOrReleased(UpdateRule rule) {
        Random random = new Random(3);
        Parameter changing = parameter("changing", random, 1100);
        Parameter free = parameter("free", random, 3);
        Optimiser optimiser = optimiser(rule, changing, free);
        Reference reference = new Reference(rule, changing.toArray());
        Reference other = new Reference(rule, free.toArray());
        byte[] mask = null;
        byte[] given = new byte[1100]; // one array for all masks, as Owners gives them
        for (int phase = 0; phase < 6; phase++) {
            for (int t = 0; t < 3; t++) {
                float[] g = gaussian(random, 1100);
                float[] h = gaussian(random, 3);
                gradient(changing, g);
                gradient(free, h);
                optimiser.step(0.05);
                reference.step(g, mask, 0.05);
                other.step(h, null, 0.05);
            }
            byte[] next = new byte[1100];
            for (int i = 0; i < next.length; i++) {
                next[i] = (byte) (random.nextBoolean() ? 0 : 1 + random.nextInt(255));
                boolean moved = mask == null || mask[i] != 0;
                if (next[i] == 0 || !moved) {
                    reference.forget(i);
                }
            }
            System.arraycopy(next, 0, given, 0, next.length);
            optimiser.masks(p -> p == changing ? given : null);
            mask = next;
            if (phase == 3) {
                optimiser.masks(p -> null); // claims all, at once released again
                optimiser.masks(p -> p == changing ? given : null);
            }
        }
        reference.requireEqual(changing);
        other.requireEqual(free);
    }

    @Test
    void aReleasedWeightClaimedAgainDoesNotMoveWithoutAGradient() {
        Parameter parameter = parameter("w", new Random(3), 12);
        Optimiser optimiser = optimiser(new UpdateRule.Sgd(0.9, false, 0), parameter);
        gradient(parameter, gaussian(new Random(4), 12));
        optimiser.step(0.1);
        optimiser.masks(p -> everyThird(12));
        optimiser.masks(p -> null);
        gradient(parameter, new float[12]);
        int[] before = bits(parameter);
        optimiser.step(0.1);
        int[] after = bits(parameter);
        for (int i = 0; i < 12; i++) {
            assertEquals(i % 3 != 0, before[i] == after[i], "weight " + i + ": only survivors have momentum");
        }
    }

    @Test
    void aParameterThatIsKnownKeepsItsMask() {
        Parameter w = parameter("w", new Random(8), 6);
        Parameter other = parameter("other", new Random(9), 2);
        Optimiser optimiser = optimiser(SGD, w);
        optimiser.masks(p -> everyThird(6));
        optimiser.track(List.of(other, w));
        gradient(w, 1, 1, 1, 1, 1, 1);
        int[] before = bits(w);
        optimiser.step(0.5);
        int[] after = bits(w);
        for (int i = 0; i < 6; i++) {
            assertEquals(i % 3 != 0, before[i] == after[i], "weight " + i);
        }
    }

    /** A head gets rows, a parameter comes late, one goes: each takes the steps of its own. */
    @ParameterizedTest
    @MethodSource("rules")
    void goesOnFromAFileToTheSameBits(UpdateRule rule) throws IOException {
        Random random = new Random(6);
        Parameter early = parameter("early", random, 3, 500);
        Parameter late = parameter("late", random, 1025);
        byte[] mask = everyThird(1500);
        Optimiser whole = optimiser(rule, early);
        whole.masks(p -> p == early ? mask : null);
        early.updateGradient().copyFrom(MemorySegment.ofArray(gaussian(random, 1500)));
        whole.step(0.1);
        whole.track(List.of(early, late)); // which differ in their steps from now on
        late.updateGradient().copyFrom(MemorySegment.ofArray(gaussian(random, 1025)));
        whole.step(0.1);
        SafetensorsWriter writer = new SafetensorsWriter();
        whole.save(writer, "o.");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(bytes));
        float[][] before = {early.toArray(), late.toArray()};
        whole.step(0.2);
        float[][] expected = {early.toArray(), late.toArray()};
        early.set(before[0]);
        late.set(before[1]);
        Optimiser restored = engine.optimiser(rule);
        opened.add(restored);
        Safetensors file = Safetensors.of("saved", bytes.toByteArray());
        assertThrows(IllegalArgumentException.class, () -> restored.restore(List.of(early), file, "o."));
        restored.restore(List.of(early, late), file, "o.");
        restored.masks(p -> p == early ? mask : null);
        restored.step(0.2);
        assertArrayEquals(expected[0], early.toArray());
        assertArrayEquals(expected[1], late.toArray());
    }

    @ParameterizedTest
    @MethodSource("rules")
    void stateFollowsTheNameWhenParametersGrowComeAndGo(UpdateRule rule) {
        Random random = new Random(5);
        Parameter body = parameter("body", random, 3, 500);
        Parameter head = parameter("head", random, 2, 700);
        Parameter leaving = parameter("leaving", random, 30);
        Optimiser optimiser = optimiser(rule, body, leaving, head);
        byte[] mask = everyThird(1400);
        optimiser.masks(p -> p == head ? mask : null);
        Reference bodyReference = new Reference(rule, body.toArray());
        Reference headReference = new Reference(rule, head.toArray());
        for (int t = 0; t < 3; t++) {
            step(optimiser, random, bodyReference, body, null);
            step(optimiser, random, headReference, head, mask);
            optimiser.step(0.05);
        }
        Parameter grown = parameter("head", random, 4, 700);
        MemorySegment.copy(head.read(), 0, grown.update(), 0, head.shape().bytes());
        Parameter late = parameter("late", random, 1025);
        head.forget();
        optimiser.track(List.of(grown, late, body));
        Reference grownReference = headReference.grown(Arrays.copyOfRange(grown.toArray(), 1400, 2800));
        Reference lateReference = new Reference(rule, late.toArray());
        byte[] grownMask = Arrays.copyOf(mask, 2800);
        Arrays.fill(grownMask, 1400, 2800, (byte) 1);
        for (int t = 0; t < 3; t++) {
            step(optimiser, random, bodyReference, body, null);
            step(optimiser, random, grownReference, grown, grownMask);
            step(optimiser, random, lateReference, late, null);
            optimiser.clip(1e6); // far away: the norm is worked out over all launches
            optimiser.step(0.05);
        }
        bodyReference.requireEqual(body);
        grownReference.requireEqual(grown);
        lateReference.requireEqual(late);
    }

    private static void step(
            Optimiser optimiser, Random random, Reference reference, Parameter parameter, byte[] mask) {
        float[] g = gaussian(random, parameter.size());
        gradient(parameter, g);
        reference.step(g, mask, 0.05);
    }

    /** Plain descent at rate 1 from zero: the weights are the clipped gradients' negatives. */
    private void requireClipped(double maxNorm, float[] gradient, byte[] mask, float[] expected) {
        Parameter first = new Parameter("first", Parameter.Role.WEIGHT, Shape.of(gradient.length - 1), arena);
        Parameter last = new Parameter("last", Parameter.Role.WEIGHT, Shape.of(1), arena);
        Optimiser optimiser = optimiser(SGD, first, last);
        optimiser.masks(p -> p == first ? mask : null);
        gradient(first, Arrays.copyOf(gradient, gradient.length - 1));
        gradient(last, gradient[gradient.length - 1]);
        optimiser.clip(maxNorm);
        optimiser.step(1);
        float[] found = Arrays.copyOf(first.toArray(), gradient.length);
        found[gradient.length - 1] = last.toArray()[0];
        for (int i = 0; i < found.length; i++) {
            assertEquals(expected[i], -found[i], 1e-6f * Math.abs(expected[i]), "gradient " + i);
        }
        optimiser.step(1);
        assertEquals(
                expected[gradient.length - 1] + gradient[gradient.length - 1],
                -last.toArray()[0],
                1e-6f * Math.abs(gradient[gradient.length - 1]),
                "the step after is not clipped");
    }

    @Test
    void clippingScalesAllGradientsByOneFactor() {
        requireClipped(1.3, new float[] {1, -2, 2, 0, 4, 12}, null, new float[] {0.1f, -0.2f, 0.2f, 0, 0.4f, 1.2f});
    }

    @Test
    void clippingLeavesSmallGradientsAlone() {
        requireClipped(5.001, new float[] {3, -4}, null, new float[] {3, -4});
    }

    @Test
    void squaresThatOverflowFloatAreClipped() {
        requireClipped(2, new float[] {1e30f, 0, 0}, null, new float[] {2, 0, 0});
    }

    @Test
    void maskedGradientsDoNotCountForTheNorm() {
        requireClipped(10, new float[] {3, Float.NaN, 4, 100, 0}, new byte[] {1, 0, 1, 0}, new float[] {3, 0, 4, 0, 0});
        requireClipped(
                1, new float[] {3, Float.NaN, 4, 100, 0}, new byte[] {1, 0, 1, 0}, new float[] {0.6f, 0, 0.8f, 0, 0});
    }

    @Test
    void aNormThatIsNotFiniteIsNotClippedAway() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            Parameter w = new Parameter("w", Parameter.Role.WEIGHT, Shape.of(5), arena);
            Optimiser optimiser = optimiser(SGD, w);
            gradient(w, 1, bad, 1, 1, 1);
            optimiser.clip(1);
            optimiser.step(1);
            float[] found = w.toArray();
            for (int i = 0; i < found.length; i++) {
                boolean nan = Float.isNaN(bad) || i == 1;
                assertEquals(nan, Float.isNaN(found[i]), "a loss must tell: " + Arrays.toString(found));
            }
        }
    }

    @Test
    void refusalsSayWhatIsWrongAndChangeNothing() {
        Parameter w = parameter("w", new Random(6), 2, 3);
        Parameter narrower = parameter("w", new Random(6), 2, 2);
        Optimiser sgd = optimiser(new UpdateRule.Sgd(0.9, false, 0), w);
        int[] before = bits(w);
        assertMessage("mask of w has 5 entries, the parameter is 2×3 (6 values)", () -> sgd.masks(p -> new byte[5]));
        assertMessage("w was 2×3 and is 2×2: only rows can be added", () -> sgd.track(List.of(narrower)));
        assertMessage("two parameters are named w", () -> sgd.track(List.of(w, narrower)));
        assertMessage("learning rate NaN", () -> sgd.step(Double.NaN));
        assertMessage("learning rate -1.0", () -> sgd.step(-1));
        assertMessage("clipping norm 0.0", () -> sgd.clip(0));
        assertMessage("clipping norm NaN", () -> sgd.clip(Double.NaN));
        assertArrayEquals(before, bits(w));
        gradient(w, 1, 1, 1, 1, 1, 1);
        sgd.step(0.5);
        for (int i = 0; i < 6; i++) {
            assertEquals(Float.intBitsToFloat(before[i]) - 0.5f, w.toArray()[i]);
        }
    }

    @Test
    void anOptimiserOfNothingDoesNothing() {
        Optimiser none = engine.optimiser(SGD);
        none.clip(1);
        none.step(1);
        none.track(List.of());
        none.masks(p -> null);
        none.clip(1);
        none.step(1);
        none.close();
    }

    static void assertMessage(String expected, Executable executable) {
        String message =
                assertThrows(IllegalArgumentException.class, executable).getMessage();
        assertTrue(message.contains(expected), message);
    }
}
