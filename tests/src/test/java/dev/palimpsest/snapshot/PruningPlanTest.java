package dev.palimpsest.snapshot;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PruningPlanTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private Parameter weights(int count) {
        return new Parameter("conv" + count, Parameter.Role.WEIGHT, Shape.of(count), arena);
    }

    private static float[] gaussian(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 10, 20, 50})
    void everyStepOwnsAnEqualShare(int steps) {
        PruningPlan plan = new PruningPlan.EqualShares(steps, 0);
        for (int count : new int[] {steps, 432, 9216}) {
            Owners owners = played(plan, count);
            for (int step = 1; step <= steps; step++) {
                assertEquals((double) count / steps, owners.count(step), 1, count + " weights, step " + step);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 0.5", "5, 0.3", "10, 0.3", "50, 0.3"})
    void theLastStepOwnsWhatIsReservedAndTheOthersEqualShares(int steps, double last) {
        PruningPlan plan = new PruningPlan.EqualShares(steps, 0.3);
        for (int count : new int[] {2 * steps, 432, 9216}) {
            Owners owners = played(plan, count);
            for (int step = 1; step < steps; step++) {
                assertEquals(count * (1 - last) / (steps - 1), owners.count(step), 1, count + " weights, step " + step);
            }
            double rounded = Math.max(1, (steps - 1) / 2.0); // by half a weight for each step before
            assertEquals(count * last, owners.count(steps), rounded, count + " weights, the last step");
        }
    }

    /** Owners of so many weights after all steps of a plan. */
    private Owners played(PruningPlan plan, int count) {
        Parameter w = weights(count);
        Random random = new Random(count);
        Owners owners = new Owners(List.of(w));
        for (int step = 1; step <= plan.steps(); step++) {
            owners.claim(step);
            w.set(gaussian(random, count));
            owners.release(step, plan.fraction(step));
        }
        assertEquals(0, owners.count(0), "the last step keeps all");
        return owners;
    }

    /** The smallest networks of the recipes: even their stems, 144 weights, leave every step its share. */
    @ParameterizedTest
    @ValueSource(ints = {10, 20})
    void manyStepsFitTheNetworksOfTheRecipes(int steps) {
        PruningPlan plan = new PruningPlan.EqualShares(steps, 0);
        for (Network network : List.of(
                Networks.digitsNet(Shape.of(1, 8, 8), List.of(16, 32, 64))
                        .withAuxiliaryHeads(true)
                        .create(arena, 1),
                Networks.cifarResNet(Shape.of(1, 28, 28), ResNetOptions.cifar(8).withStem(new Stem.Cifar(2)))
                        .withAuxiliaryHeads(true)
                        .create(arena, 1))) {
            plan.requireEnoughWeights(new Owners(network.parameters()));
            Owners owners = new Owners(network.parameters());
            Random random = new Random(steps);
            for (int step = 1; step <= steps; step++) {
                owners.claim(step);
                network.parameters().forEach(parameter -> parameter.set(gaussian(random, parameter.size())));
                owners.release(step, plan.fraction(step));
            }
            int weights = network.parameters().stream()
                    .filter(p -> p.role() == Parameter.Role.WEIGHT)
                    .mapToInt(Parameter::size)
                    .sum();
            for (int step = 1; step <= steps; step++) {
                assertEquals(
                        (double) weights / steps,
                        owners.count(step),
                        0.02 * weights / steps,
                        "weights of step " + step);
            }
        }
    }

    @Test
    void aFixedFractionKeepsAllAfterTheLastStep() {
        PruningPlan plan = new PruningPlan.Fixed(0.6, 3);
        assertEquals(List.of(0.6, 0.6, 0.0), List.of(plan.fraction(1), plan.fraction(2), plan.fraction(3)));
        assertThrows(IllegalArgumentException.class, () -> plan.fraction(4));
        assertThrows(IllegalArgumentException.class, () -> plan.fraction(0));
    }

    @Test
    void fractionsThatExhaustTheFreeWeightsAreRefusedWithTheNumbers() {
        // 432 → 173 → 69 → 28 → 11 → 4 → 2 → 1 → 0, by hand
        assertMessage(
                "conv432: free weights before each step 432, 173, 69, 28, 11, 4, 2, 1, 0;",
                () -> new PruningPlan.Fixed(0.4, 10)
                        .requireEnoughWeights(new Owners(List.of(weights(9000), weights(432)))));
        assertMessage(
                "100, 0;", () -> new PruningPlan.Fixed(0, 2).requireEnoughWeights(new Owners(List.of(weights(100)))));
        assertMessage(
                "20, and the first step keeps none of them",
                () -> new PruningPlan.Fixed(0.99, 2).requireEnoughWeights(new Owners(List.of(weights(20)))));
        assertMessage(
                "before each step 9",
                () -> new PruningPlan.EqualShares(100, 0).requireEnoughWeights(new Owners(List.of(weights(9)))));
        Parameter head = new Parameter("fc", Parameter.Role.HEAD, Shape.of(1), arena);
        assertDoesNotThrow(
                () -> new PruningPlan.Fixed(0.6, 5).requireEnoughWeights(new Owners(List.of(weights(432), head))));
        assertDoesNotThrow(() -> new PruningPlan.EqualShares(10, 0)
                .requireEnoughWeights(new Owners(List.of(weights(432), weights(36)))));
        assertDoesNotThrow(() -> new PruningPlan.Fixed(0, 1).requireEnoughWeights(new Owners(List.of(weights(1)))));
    }

    @Test
    void numbersOutOfRangeAreRefused() {
        assertMessage("fraction 1.0", () -> new PruningPlan.Fixed(1, 2));
        assertMessage("fraction NaN", () -> new PruningPlan.Fixed(Double.NaN, 2));
        assertMessage("0 steps", () -> new PruningPlan.EqualShares(0, 0));
        assertMessage("256 steps", () -> new PruningPlan.EqualShares(256, 0));
        assertMessage("reserved share 1.0", () -> new PruningPlan.EqualShares(2, 1));
        assertMessage("reserved share -0.1", () -> new PruningPlan.EqualShares(2, -0.1));
        assertMessage("reserved share NaN", () -> new PruningPlan.EqualShares(2, Double.NaN));
    }

    private static void assertMessage(String expected, Executable executable) {
        String message =
                assertThrows(IllegalArgumentException.class, executable).getMessage();
        assertTrue(message.contains(expected), message);
    }
}
