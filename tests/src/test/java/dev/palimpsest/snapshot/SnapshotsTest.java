package dev.palimpsest.snapshot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SnapshotsTest {
    private static final int STEPS = 10;
    private final Arena arena = Arena.ofConfined();
    private final SimulatedModel model = new SimulatedModel(arena);
    /** Of 1403 weights odd has 35: the others have owners. */
    private final Owners owners = new Owners(model.parameters(), 0.03);

    @AfterEach
    void close() {
        arena.close();
    }

    static Stream<UpdateRule> rules() {
        return Stream.of(
                new UpdateRule.Sgd(0.9, false, 0.05), new UpdateRule.Sgd(0.9, true, 0.05), new UpdateRule.Adam(0.05));
    }

    /** One optimiser for all experiences: old momentum is there to tempt frozen weights. */
    @ParameterizedTest
    @MethodSource("rules")
    void snapshotsStayBitIdenticalOverTenExperiences(UpdateRule rule) {
        PruningPlan plan = new PruningPlan.EqualShares(STEPS, 0);
        plan.requireEnoughWeights(new Owners(model.parameters()));
        Optimiser optimiser = new Optimiser(Optimiser.Loops.onHost(rule));
        List<Map<String, int[]>> taken = new ArrayList<>();
        try (Snapshots packed = new PackedSnapshots(owners);
                Snapshots full = new FullCopies()) {
            for (int step = 1; step <= STEPS; step++) {
                owners.claim(step);
                model.grow();
                optimiser.track(model.parameters());
                optimiser.masks(owners::trainable);
                train(optimiser, 4);
                requireAll(packed, taken); // while a later step trains
                owners.release(step, plan.fraction(step));
                optimiser.masks(owners::trainable);
                Map<String, byte[]> masks = masks();
                Map<String, int[]> released = model.bits();
                train(optimiser, 3);
                requireMovedOnlyWhere(masks, released, model.bits());
                freezeMinusZero(step);
                assertEquals(step, packed.add(model.parameters(), model.buffers()));
                full.add(model.parameters(), model.buffers());
                taken.add(model.bits());
                requireAll(packed, taken);
            }
            requireAll(full, taken);
            for (int step = 1; step < STEPS; step++) {
                assertFalse(
                        Arrays.equals(
                                taken.get(step - 1).get("conv1"),
                                taken.get(step).get("conv1")),
                        "step " + step + " learned");
            }
        }
    }

    private void train(Optimiser optimiser, int updates) {
        for (int i = 0; i < updates; i++) {
            model.newGradients();
            optimiser.step(0.05);
        }
    }

    private Map<String, byte[]> masks() {
        Map<String, byte[]> masks = new HashMap<>();
        owners.weights().forEach(p -> masks.put(p.name(), owners.trainable(p).clone()));
        return masks;
    }

    private void requireMovedOnlyWhere(Map<String, byte[]> masks, Map<String, int[]> before, Map<String, int[]> after) {
        masks.forEach((name, mask) -> {
            for (int i = 0; i < mask.length; i++) {
                assertEquals(mask[i] == 0, before.get(name)[i] == after.get(name)[i], name + "[" + i + "]");
            }
        });
    }

    /**
     * A survivor may well be −0: its sign must be kept, and is lost if a frozen weight is added +0 to, or rebuilt by
     * multiplying.
     */
    private void freezeMinusZero(int step) {
        Parameter conv2 = model.weights.get(1);
        int first = 0;
        while (owners.codes(conv2)[first] != step) {
            first++;
        }
        conv2.update().setAtIndex(ValueLayout.JAVA_FLOAT, first, -0.0f);
    }

    private void requireAll(Snapshots snapshots, List<Map<String, int[]>> taken) {
        for (int s = 1; s <= taken.size(); s++) {
            Map<String, int[]> expected = taken.get(s - 1);
            for (Parameter weight : model.weights) {
                MemorySegment out = arena.allocate(weight.shape().bytes(), 64).fill((byte) -1);
                snapshots.weight(s, weight, null, out);
                assertArrayEquals(
                        expected.get(weight.name()),
                        out.toArray(ValueLayout.JAVA_INT),
                        "snapshot " + s + " of " + weight.name());
            }
            for (String name : List.of("bn.weight", "bn.running_mean", "fc")) {
                int[] bits = snapshots.vector(s, name).toArray(ValueLayout.JAVA_INT);
                assertArrayEquals(expected.get(name), bits, "snapshot " + s + " of " + name);
            }
            assertEquals(Shape.of(2 * s, 16), snapshots.shape(s, "fc"));
        }
    }

    private void step(Snapshots snapshots, int step, double fraction) {
        owners.claim(step);
        owners.release(step, fraction);
        snapshots.add(model.parameters(), model.buffers());
    }

    @Test
    void scalingMultipliesEachOutputChannel() {
        try (Snapshots packed = new PackedSnapshots(owners);
                Snapshots full = new FullCopies()) {
            step(packed, 1, 0.5);
            full.add(model.parameters(), model.buffers());
            Parameter conv2 = model.weights.get(1);
            float[] before = conv2.toArray();
            owners.claim(2);
            float[] later = before.clone();
            byte[] codes = owners.codes(conv2);
            for (int i = 0; i < later.length; i++) {
                later[i] = codes[i] == 2 ? 7 : later[i];
            }
            conv2.set(later);
            float[] scale = new float[16];
            for (int c = 0; c < 16; c++) {
                scale[c] = c - 7.3f;
            }
            for (Snapshots snapshots : List.of(packed, full)) {
                float[] out = new float[before.length];
                snapshots.weight(1, conv2, MemorySegment.ofArray(scale), MemorySegment.ofArray(out));
                for (int i = 0; i < out.length; i++) {
                    assertEquals(
                            before[i] * scale[i / 72],
                            out[i],
                            0.0,
                            snapshots.getClass().getSimpleName() + " " + i);
                }
            }
        }
    }

    @Test
    void packedSnapshotsTakeAFewBitsAWeight() {
        PruningPlan plan = new PruningPlan.EqualShares(STEPS, 0);
        List<Parameter> network = List.of(
                new Parameter("stem", Parameter.Role.WEIGHT, Shape.of(16, 1, 3, 3), arena),
                new Parameter("conv", Parameter.Role.WEIGHT, Shape.of(16, 16, 3, 3), arena),
                new Parameter("down", Parameter.Role.WEIGHT, Shape.of(32, 16, 1, 1), arena),
                model.norm);
        fill(network);
        Owners mine = new Owners(network);
        long full = 0;
        try (Snapshots snapshots = new PackedSnapshots(mine)) {
            assertEquals(0, snapshots.bitsPerWeight());
            for (int step = 1; step <= STEPS; step++) {
                mine.claim(step);
                mine.release(step, plan.fraction(step));
                snapshots.add(network, model.buffers());
                full += 4 * (144 + 2304 + 512 + 16 + 16);
                int planes = step == 1 ? 1 : step <= 3 ? 2 : step <= 7 ? 3 : 4;
                assertEquals(planes, snapshots.bitsPerWeight(), step + " steps");
                long least = step * 4L * (16 + 16) + planes * (144 + 2304 + 512) / 8;
                long padding = planes * 3 * 8; // a plane of each of the three tensors ends with a whole word
                assertTrue(
                        snapshots.bytes() >= least && snapshots.bytes() < least + padding,
                        snapshots.bytes() + " bytes, least " + least);
                assertEquals(full, snapshots.fullCopyBytes());
            }
        }
    }

    private static void fill(List<Parameter> parameters) {
        Random random = new Random(5);
        for (Parameter parameter : parameters) {
            float[] values = new float[parameter.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            parameter.set(values);
        }
    }

    @Test
    void fullCopiesTakeWhatTheySay() {
        try (Snapshots snapshots = new FullCopies()) {
            for (int s = 1; s <= 3; s++) {
                model.grow();
                snapshots.add(model.parameters(), model.buffers());
            }
            long expected = 3 * 4 * (216 + 1152 + 35 + 16 + 16) + 4 * 16 * (2 + 4 + 6);
            assertEquals(expected, snapshots.bytes());
            assertEquals(expected, snapshots.fullCopyBytes());
            assertEquals(96, snapshots.bitsPerWeight());
        }
    }

    @Test
    void copiesAreReadOnlyAndApartFromTheModel() {
        try (Snapshots snapshots = new FullCopies()) {
            snapshots.add(model.parameters(), model.buffers());
            model.norm.update().fill((byte) 1);
            assertEquals(0, snapshots.vector(1, "bn.weight").get(ValueLayout.JAVA_FLOAT, 0));
            assertTrue(snapshots.vector(1, "bn.weight").isReadOnly());
        }
    }

    @Test
    void aModelThatIsNotWhatItsOwnersRebuildIsRefused() {
        try (Snapshots snapshots = new PackedSnapshots(owners)) {
            assertMessage(
                    IllegalStateException.class, "step 0 has not", () -> snapshots.add(model.parameters(), List.of()));
            owners.claim(1);
            assertMessage(
                    IllegalStateException.class, "step 1 has not", () -> snapshots.add(model.parameters(), List.of()));
            owners.release(1, 0.5);
            Parameter conv1 = model.weights.getFirst();
            int free = indexOf(owners.codes(conv1), 0);
            conv1.update().setAtIndex(ValueLayout.JAVA_FLOAT, free, 0.25f);
            assertMessage(
                    IllegalStateException.class,
                    "weight " + free + " of conv1 was released and is 0.25",
                    () -> snapshots.add(model.parameters(), List.of()));
            conv1.update().setAtIndex(ValueLayout.JAVA_FLOAT, free, 0);
            assertEquals(1, snapshots.add(model.parameters(), List.of()));
            assertMessage(
                    IllegalStateException.class,
                    "step 1 has done so",
                    () -> snapshots.add(model.parameters(), List.of()));
            owners.claim(2);
            int frozen = indexOf(owners.codes(conv1), 1);
            conv1.update().setAtIndex(ValueLayout.JAVA_FLOAT, frozen, 0.25f);
            owners.release(2, 0);
            assertMessage(
                    IllegalStateException.class,
                    "weights of earlier steps moved while step 2 trained",
                    () -> snapshots.add(model.parameters(), List.of()));
        }
    }

    private static int indexOf(byte[] codes, int owner) {
        int i = 0;
        while (codes[i] != owner) {
            i++;
        }
        return i;
    }

    @Test
    void wrongArgumentsAreRefusedWithTheNumbers() {
        Parameter conv1 = model.weights.getFirst();
        MemorySegment out = MemorySegment.ofArray(new float[216]);
        MemorySegment small = MemorySegment.ofArray(new float[8]);
        try (Snapshots packed = new PackedSnapshots(owners);
                Snapshots full = new FullCopies()) {
            assertMessage(
                    IllegalArgumentException.class, "none was taken yet", () -> packed.weight(1, conv1, null, out));
            step(packed, 1, 0);
            full.add(model.parameters(), model.buffers());
            for (Snapshots snapshots : List.of(packed, full)) {
                assertMessage(
                        IllegalArgumentException.class,
                        "no snapshot 2: expected 1 to 1",
                        () -> snapshots.weight(2, conv1, null, out));
                assertMessage(IllegalArgumentException.class, "no snapshot 0", () -> snapshots.vector(0, "fc"));
                assertMessage(
                        IllegalArgumentException.class,
                        "conv1 needs 864 bytes (8×3×3×3 float32) for its snapshot, has 32",
                        () -> snapshots.weight(1, conv1, null, small));
                assertMessage(
                        IllegalArgumentException.class,
                        "scale of conv1 needs 32 bytes (8 output channels, float32), has 864",
                        () -> snapshots.weight(1, conv1, out, out));
                assertMessage(
                        IllegalArgumentException.class, "no copy of nothing", () -> snapshots.vector(1, "nothing"));
            }
            assertMessage(
                    IllegalArgumentException.class,
                    "other (WEIGHT) has no owners",
                    () -> packed.weight(
                            1, new Parameter("other", Parameter.Role.WEIGHT, Shape.of(216), arena), null, out));
        }
        List<Parameter> twins = List.of(model.norm, model.norm);
        try (Snapshots full = new FullCopies()) {
            assertMessage(IllegalArgumentException.class, "named bn.weight", () -> full.add(twins, List.of()));
        }
    }

    private static void assertMessage(Class<? extends Exception> type, String expected, Executable executable) {
        String message = assertThrows(type, executable).getMessage();
        assertTrue(message.contains(expected), message);
    }
}
