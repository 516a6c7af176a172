package dev.palimpsest.snapshot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.tensor.CountedCopy;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.channels.Channels;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class OwnersTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private Parameter weights(float... values) {
        Parameter parameter = new Parameter("w", Parameter.Role.WEIGHT, Shape.of(values.length), arena);
        parameter.set(values);
        return parameter;
    }

    @Test
    void releasesTheSmallestMagnitudesToPlusZero() {
        Parameter w = weights(-5, 1, -2, 4, 3);
        Owners owners = new Owners(List.of(w));
        CountedCopy packed = new CountedCopy(w.valueMirror());
        assertEquals(1, packed.renewals());
        owners.claim(1);
        owners.release(1, 0.4);
        assertArrayEquals(new byte[] {1, 0, 0, 1, 1}, owners.codes(w));
        assertArrayEquals(bits(-5, 0f, 0f, 4, 3), w.read().toArray(ValueLayout.JAVA_INT));
        assertArrayEquals(w.toArray(), packed.values(), "engines know that it changed");
    }

    @Test
    void releasesInRoundsUpToTheShareOfWhatWasClaimed() {
        Parameter w = weights(-5, 1, -2, 4, 3, 8, 9, 7);
        Owners owners = new Owners(List.of(w));
        owners.claim(1);
        owners.release(1, 0.25);
        assertArrayEquals(new byte[] {1, 0, 0, 1, 1, 1, 1, 1}, owners.codes(w));
        w.set(new float[] {5, 0, 0, 4, 3, 0.5f, 9, 7}); // the survivors were trained on
        owners.release(1, 0.5);
        assertArrayEquals(new byte[] {1, 0, 0, 1, 0, 0, 1, 1}, owners.codes(w));
        assertArrayEquals(bits(5, 0f, 0f, 4, 0f, 0f, 9, 7), w.read().toArray(ValueLayout.JAVA_INT));
        owners.release(1, 0.25);
        assertEquals(4, owners.count(1), "what is free stays free");
        owners.claim(2);
        assertArrayEquals(new byte[] {1, 2, 2, 1, 2, 2, 1, 1}, owners.codes(w));
    }

    /** As a position inside an experience, whose checksums are right for what somebody made of it. */
    @Test
    void weightsOfEarlierStepsMustBeThoseThatTheStepFound() throws IOException {
        Parameter w = weights(-5, 1, -2, 4, 3);
        Owners owners = new Owners(List.of(w));
        owners.claim(1);
        owners.release(1, 0.4);
        owners.claim(2);
        w.set(new float[] {-5, 0.25f, 0.5f, 4, 3}); // the second step trains what it claimed
        SafetensorsWriter kept = new SafetensorsWriter();
        owners.save(kept, "owners.");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        kept.writeTo(Channels.newChannel(bytes));
        Safetensors file = Safetensors.of("kept", bytes.toByteArray());
        owners.restore(file, "owners.");
        w.set(new float[] {-5, 0.25f, 0.5f, 4.5f, 3});
        assertEquals(
                "its weights of earlier snapshots are not those that step 2 found, which no training moves",
                assertThrows(IllegalArgumentException.class, () -> owners.restore(file, "owners."))
                        .getMessage());
    }

    @Test
    void theSmallestTensorsHaveNoOwners() {
        Parameter stem = weights(new float[4]);
        Parameter shortcut = weights(new float[6]);
        Parameter wide = weights(new float[90]);
        Random random = new Random(3);
        for (Parameter parameter : List.of(stem, shortcut, wide)) {
            float[] values = new float[parameter.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            parameter.set(values);
        }
        // Of 100 weights the stem has 4, and with the shortcut 10.
        Owners owners = new Owners(List.of(wide, shortcut, stem), 0.09);
        owners.claim(1);
        owners.release(1, 0.5);
        owners.claim(2);
        assertEquals(List.of(wide, shortcut), owners.weights());
        assertNull(owners.trainable(stem), "every step trains it");
        assertMessage(IllegalArgumentException.class, "has no owners: expected one of", () -> owners.codes(stem));
        assertEquals(3 + 45, owners.count(2));
        assertMessage(
                IllegalArgumentException.class,
                "free weights before each step 90, 45, 22, 11, 6, 3, 2, 1, 0;",
                () -> new PruningPlan.Fixed(0.5, 9).requireEnoughWeights(owners));
    }

    private static int[] bits(float... values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    @Test
    void countsRoundHalfToEven() {
        assertEquals(2, releasedOf(5, 0.5));
        assertEquals(4, releasedOf(7, 0.5));
        assertEquals(0, releasedOf(1, 0.5));
        assertEquals(2, releasedOf(3, 0.5));
        assertEquals(0, releasedOf(5, 0));
    }

    private long releasedOf(int count, double fraction) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i + 1;
        }
        Owners owners = new Owners(List.of(weights(values)));
        owners.claim(1);
        owners.release(1, fraction);
        return owners.count(0);
    }

    @Test
    void equalMagnitudesAtTheThresholdAllGo() {
        Parameter w = weights(2, -2, 2, 3, -0.0f);
        Owners owners = new Owners(List.of(w));
        owners.claim(1);
        owners.release(1, 0.4);
        assertArrayEquals(new byte[] {0, 0, 0, 1, 0}, owners.codes(w));
        assertEquals(0, w.read().getAtIndex(ValueLayout.JAVA_INT, 4), "-0 becomes +0");
    }

    @Test
    void onlyTheStepsOwnWeightsAreTrainableAndReleased() {
        Parameter w = weights(0.1f, 0.2f, 9, 8);
        Owners owners = new Owners(List.of(w));
        byte[] mask = owners.trainable(w);
        assertArrayEquals(new byte[4], mask);
        owners.claim(1);
        assertArrayEquals(new byte[] {1, 1, 1, 1}, mask);
        owners.release(1, 0.5);
        assertArrayEquals(new byte[] {0, 0, 1, 1}, mask);
        owners.claim(2);
        assertArrayEquals(new byte[] {1, 1, 0, 0}, mask);
        w.set(new float[] {100, 200, 9, 8});
        owners.release(2, 0.5);
        assertArrayEquals(new byte[] {0, 2, 1, 1}, owners.codes(w));
        assertArrayEquals(new byte[] {0, 1, 0, 0}, mask);
        assertSame(mask, owners.trainable(w));
        assertEquals(List.of(1L, 2L, 1L), List.of(owners.count(0), owners.count(1), owners.count(2)));
    }

    @Test
    void normsAndHeadsHaveNoOwnersAndMoveFreely() {
        Parameter norm = new Parameter("bn", Parameter.Role.NORM, Shape.of(4), arena);
        Parameter head = new Parameter("fc", Parameter.Role.HEAD, Shape.of(2, 4), arena);
        Owners owners = new Owners(List.of(norm, weights(1), head));
        assertEquals(
                List.of("w"), owners.weights().stream().map(Parameter::name).toList());
        assertNull(owners.trainable(norm));
        assertNull(owners.trainable(head));
        assertThrows(IllegalArgumentException.class, () -> owners.codes(head));
        assertThrows(IllegalArgumentException.class, () -> owners.trainable(weights(1)));
    }

    @Test
    void codesReach255() {
        float[] values = new float[400];
        for (int i = 0; i < values.length; i++) {
            values[i] = i + 1;
        }
        Parameter w = weights(values);
        Owners owners = new Owners(List.of(w));
        for (int step = 1; step <= 255; step++) {
            owners.claim(step);
            w.set(values);
            owners.release(step, (owners.count(step) - 1.0) / owners.count(step));
            assertEquals(1, owners.count(step), "step " + step);
        }
        assertEquals(145, owners.count(0));
        assertMessage(IllegalStateException.class, "step 256 cannot claim", () -> owners.claim(256));
    }

    @Test
    void refusalsSayTheNumbers() {
        Parameter w = weights(1, 2, 3, Float.NaN);
        Owners owners = new Owners(List.of(w));
        assertMessage(IllegalStateException.class, "step 2 cannot claim after step 0", () -> owners.claim(2));
        assertMessage(
                IllegalStateException.class, "step 1 cannot release: step 0 trains now", () -> owners.release(1, 0.5));
        owners.claim(1);
        assertMessage(IllegalStateException.class, "step 1 has not released", () -> owners.claim(2));
        assertMessage(IllegalArgumentException.class, "fraction 1.0", () -> owners.release(1, 1));
        assertMessage(IllegalArgumentException.class, "fraction NaN", () -> owners.release(1, Double.NaN));
        assertMessage(IllegalStateException.class, "w has weights that are NaN", () -> owners.release(1, 0.5));
        assertArrayEquals(new byte[] {1, 1, 1, 1}, owners.codes(w));
        w.set(new float[] {1, 2, 3, 4});
        owners.release(1, 0);
        assertMessage(IllegalStateException.class, "step 2 finds no free weight: steps own [4]", () -> owners.claim(2));
    }

    private static void assertMessage(Class<? extends Exception> type, String expected, Executable executable) {
        String message = assertThrows(type, executable).getMessage();
        assertTrue(message.contains(expected), message);
    }
}
