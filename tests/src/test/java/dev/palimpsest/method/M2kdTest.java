package dev.palimpsest.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.SmallRun;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class M2kdTest {
    private static final int[] SOME_IMAGES =
            IntStream.range(0, 70).map(i -> 13 * i).toArray();

    /** Compares every snapshot, after every experience, with the network as it was when the snapshot was taken. */
    static final class SnapshotWatch extends Watched {
        private final M2kd method;
        private final Snapshots copies = Snapshots.copies();
        final List<int[]> taken = new ArrayList<>();
        int compared;

        SnapshotWatch(M2kd method) {
            super(method);
            this.method = method;
        }

        @Override
        protected void ended(Learner learner, Experience experience) {
            try (FrozenNetwork now = learner.freeze()) {
                taken.add(outputs(learner, now));
            }
            copies.add(learner.network().parameters(), learner.network().buffers());
            for (int s = 1; s <= taken.size(); s++) {
                try (FrozenNetwork rebuilt =
                        new FrozenNetwork(learner.engine(), learner.network(), method.weights(s))) {
                    assertArrayEquals(
                            taken.get(s - 1),
                            outputs(learner, rebuilt),
                            "outputs of snapshot " + s + " after " + taken.size());
                    compared++;
                }
                requireSameWeights(learner, s, method.weights(s));
            }
        }

        private void requireSameWeights(Learner learner, int snapshot, Weights weights) {
            for (Parameter parameter : learner.network().parameters()) {
                if (parameter.role() == Parameter.Role.WEIGHT) {
                    MemorySegment expected = MemorySegment.ofArray(new float[parameter.size()]);
                    MemorySegment found = MemorySegment.ofArray(new float[parameter.size()]);
                    copies.weight(snapshot, parameter, null, expected);
                    weights.weight(parameter, null, found);
                    assertEquals(-1, expected.mismatch(found), parameter.name() + " of snapshot " + snapshot);
                } else {
                    assertEquals(
                            -1,
                            copies.vector(snapshot, parameter.name()).mismatch(weights.vector(parameter.name())),
                            parameter.name());
                }
            }
        }

        /** Bits of all outputs for some images, auxiliary ones too. */
        private static int[] outputs(Learner learner, FrozenNetwork network) {
            List<int[]> bits = new ArrayList<>();
            learner.trainingImages()
                    .run(
                            network,
                            SOME_IMAGES,
                            true,
                            (first, batch, outputs) -> outputs.forEach(
                                    output -> bits.add(bits(learner.engine().toArray(output)))));
            return bits.stream().flatMapToInt(Arrays::stream).toArray();
        }

        private static int[] bits(float[] values) {
            return IntStream.range(0, values.length)
                    .map(i -> Float.floatToRawIntBits(values[i]))
                    .toArray();
        }

        @Override
        public void close() {
            copies.close();
            super.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"sgd, true", "adam, true", "sgd, false"})
    void everySnapshotStaysWhatItWasWhileLaterOnesAreTrained(String optimiser, boolean prune) {
        Recipe recipe = SmallRun.recipe(
                "optimiser=" + optimiser, "prune=" + prune, "weight-decay=0.05", "validation=0.6", "clip=1");
        SnapshotWatch watch = new SnapshotWatch((M2kd) recipe.newMethod());
        Runs.run(recipe, watch, Progress.silent());
        assertEquals(15, watch.compared, "1 + 2 + 3 + 4 + 5 comparisons");
        for (int s = 1; s < 5; s++) {
            assertFalse(Arrays.equals(watch.taken.get(s - 1), watch.taken.get(s)), "experience " + s + " learned");
        }
    }

    /** What the first norm of the first experience has, and what the convolution before it makes of the images. */
    private static final class NormWatch extends Watched {
        private final List<float[]> pass = new ArrayList<>();
        private int images;
        private double[][] expected = {};
        private float[][] found = {};

        NormWatch(Recipe recipe) {
            super(recipe.newMethod());
        }

        @Override
        protected void passing(Pass step) {
            if (expected.length == 0) {
                pass.add(step.batch().images().toArray(JAVA_FLOAT));
            }
        }

        @Override
        protected void ended(Learner learner, Experience experience) {
            if (experience.index() > 0) {
                return;
            }
            images = experience.train().length;
            found = new float[][] {
                buffer(learner, "bn1.running_mean"), buffer(learner, "bn1.running_var"),
            };
            Parameter weight = learner.network().parameters().getFirst();
            assertEquals("conv1.weight", weight.name());
            expected = statistics(weight.toArray(), lastImages(), found[0].length);
        }

        private static float[] buffer(Learner learner, String name) {
            return learner.network().buffers().stream()
                    .filter(buffer -> buffer.name().equals(name))
                    .findFirst()
                    .orElseThrow()
                    .read()
                    .toArray(JAVA_FLOAT);
        }

        /** Every pass goes through all images, in an order of its own. */
        private float[][] lastImages() {
            List<float[]> last = new ArrayList<>();
            for (float[] batch : pass.reversed()) {
                for (int i = 0; i < batch.length / 64 && last.size() < images; i++) {
                    last.add(Arrays.copyOfRange(batch, 64 * i, 64 * i + 64));
                }
            }
            return last.toArray(float[][]::new);
        }

        /** Mean and variance of each channel of a convolution 3×3 with padding 1 on images of 8×8, in double. */
        private static double[][] statistics(float[] weight, float[][] images, int channels) {
            double[][] statistics = new double[2][channels];
            for (int c = 0; c < channels; c++) {
                double sum = 0;
                double squares = 0;
                for (float[] image : images) {
                    for (int at = 0; at < 64; at++) {
                        double value = 0;
                        for (int tap = 0; tap < 9; tap++) {
                            int y = at / 8 + tap / 3 - 1;
                            int x = at % 8 + tap % 3 - 1;
                            if (y >= 0 && y < 8 && x >= 0 && x < 8) {
                                value += (double) weight[9 * c + tap] * image[8 * y + x];
                            }
                        }
                        sum += value;
                        squares += value * value;
                    }
                }
                double count = 64.0 * images.length;
                statistics[0][c] = sum / count;
                statistics[1][c] = squares / count - statistics[0][c] * statistics[0][c];
            }
            return statistics;
        }
    }

    /** Where weights were released, a few steps of retraining leave norms that tell of the network before. */
    @Test
    void afterPruningNormsTellOfTheNetworkAsItIs() {
        Recipe recipe = SmallRun.recipe("split=5+5", "validation=0.6", "batch=64", "epochs=2", "retrain-epochs=1");
        NormWatch watch = new NormWatch(recipe);
        Runs.run(recipe, watch, Progress.silent());
        assertTrue(watch.images > 2 * 64 && watch.images % 64 > 0, "several batches, and a part of one");
        for (int c = 0; c < watch.found[0].length; c++) {
            double deviation = Math.sqrt(watch.expected[1][c]);
            assertEquals(watch.expected[0][c], watch.found[0][c], 1e-5 * deviation, "mean of channel " + c);
            // a variance is of one batch around its own mean
            assertEquals(watch.expected[1][c], watch.found[1][c], 0.02 * watch.expected[1][c], "variance of " + c);
        }
    }

    /** Counts what snapshots are made of. */
    private static final class ByteWatch extends Watched {
        private long prunedWeights;
        private long copiedBytes;
        private int snapshots;
        private final M2kd method;

        ByteWatch(M2kd method) {
            super(method);
            this.method = method;
        }

        @Override
        protected void ended(Learner learner, Experience experience) {
            prunedWeights = 0;
            List<Parameter> owned = method.owners().weights();
            assertTrue(owned.size() > 1, "most weights have owners");
            for (Parameter parameter : learner.network().parameters()) {
                if (owned.contains(parameter)) {
                    prunedWeights += parameter.size();
                } else {
                    copiedBytes += parameter.shape().bytes();
                }
            }
            copiedBytes += learner.network().buffers().stream()
                    .mapToLong(b -> b.shape().bytes())
                    .sum();
            snapshots++;
        }
    }

    /** Beside norms, heads and the smallest tensors, which are copied. */
    @ParameterizedTest
    @CsvSource({"5x2, 3", "10x1, 4", "7+3, 2"})
    void allSnapshotsTogetherTakeAFewBitsAWeight(String split, int bits) {
        Recipe recipe = SmallRun.recipe("split=" + split, "groups=cumulative", "validation=0.7", "widths=8,16,16");
        ByteWatch watch = new ByteWatch((M2kd) recipe.newMethod());
        Result result = Runs.run(recipe, watch, Progress.silent());
        Snapshots.Memory memory = result.finalMemory();
        assertEquals(bits, memory.bitsPerWeight());
        long planeBits = 8 * (memory.snapshotBytes() - watch.copiedBytes);
        long least = bits * watch.prunedWeights;
        assertTrue(
                planeBits >= least && planeBits <= 1.05 * least,
                planeBits + " bits for " + watch.prunedWeights + " weights");
        assertEquals(watch.copiedBytes + 4 * watch.prunedWeights * watch.snapshots, memory.fullCopiesBytes());
        assertEquals(watch.snapshots, result.memory().size());
    }

    /** Looks before every step at whether a weight moved that the step before must not have moved. */
    private static final class FrozenWatch extends Watched {
        private final Map<Parameter, int[]> before = new LinkedHashMap<>();
        private final Map<Parameter, byte[]> maskBefore = new LinkedHashMap<>();
        private final M2kd method;
        private Learner learner;
        private long still;
        private long moved;

        FrozenWatch(M2kd method) {
            super(method);
            this.method = method;
        }

        @Override
        protected void begun(Learner now, Experience experience) {
            learner = now;
            before.clear();
            look();
        }

        @Override
        protected void passing(Pass pass) {
            look();
        }

        @Override
        protected void ended(Learner now, Experience experience) {
            look();
        }

        private void look() {
            for (Parameter parameter : learner.network().parameters()) {
                byte[] mask = method.owners().trainable(parameter);
                if (mask != null) {
                    int[] bits = parameter.read().toArray(JAVA_INT);
                    int[] then = before.put(parameter, bits);
                    byte[] maskThen = maskBefore.put(parameter, mask.clone());
                    for (int i = 0; then != null && i < bits.length; i++) {
                        requireStill(parameter, i, mask[i] == 1, maskThen[i] == 1, then[i], bits[i]);
                    }
                }
            }
        }

        private void requireStill(Parameter parameter, int index, boolean trains, boolean trained, int then, int now) {
            if (!trains) {
                // Released between the two looks: +0. Otherwise as it was.
                assertEquals(trained ? 0 : then, now, parameter.name() + "[" + index + "]");
                still++;
            } else if (then != now) {
                moved++;
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"optimiser=sgd, false", "nesterov=true, true", "optimiser=adam, true"})
    void weightsOfEarlierStepsAndReleasedOnesNeverMove(String optimiser, boolean keep) {
        Recipe recipe = SmallRun.recipe(
                optimiser,
                "keep-optimiser=" + keep,
                "weight-decay=0.05",
                "momentum=0.9",
                "validation=0.7",
                "retrain-epochs=2",
                "split=3x2+4");
        FrozenWatch watch = new FrozenWatch((M2kd) recipe.newMethod());
        Runs.run(recipe, watch, Progress.silent());
        assertTrue(watch.still > 10_000 && watch.moved > 10_000, watch.still + " stayed, " + watch.moved + " moved");
    }

    @Test
    void aFractionThatExhaustsTheFreeWeightsIsRefusedWithTheNumbers() {
        Recipe recipe = SmallRun.recipe("fraction=0.1");
        String message = assertThrows(
                        IllegalArgumentException.class,
                        () -> Runs.run(recipe, (M2kd) recipe.newMethod(), Progress.silent()))
                .getMessage();
        assertTrue(
                message.contains("does not fit stage1.conv.weight: free weights before each step 144, 14, 1, 0"),
                message);
    }
}
