package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.model.Network;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.SmallRun;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** M2KD on fully connected layers: their weights are pruned, and snapshots rebuild them bit for bit. */
class MlpSnapshotsTest {
    /** Overridden to compute on another device. */
    String device() {
        return "device=cpu";
    }

    private Recipe recipe() {
        return SmallRun.recipe(
                "method=m2kd",
                "network=mlp",
                "widths=24,16",
                "split=2x5",
                "epochs=8",
                "validation=0.6",
                "lambda-feature=0.05",
                device(),
                "deterministic=true");
    }

    @Test
    void snapshotsAreRebuiltBitForBit() {
        Recipe recipe = recipe();
        M2kdTest.SnapshotWatch watch = new M2kdTest.SnapshotWatch((M2kd) recipe.newMethod());
        Result result = Runs.run(recipe, watch, Progress.silent());
        assertEquals(3, watch.compared, "1 + 2 comparisons");
        assertFalse(Arrays.equals(watch.taken.get(0), watch.taken.get(1)), "the second experience was learned");
        assertEquals(2, result.finalMemory().bitsPerWeight());
        assertTrue(
                result.accuracy().at(0, 0) > 0.6,
                "accuracy " + result.accuracy().at(0, 0) + " after the first");
    }

    @Test
    void halfOfTheHiddenWeightsAreFreeAfterTheFirstOfTwoExperiences() {
        Recipe recipe = recipe();
        List<Double> zeros = new ArrayList<>();
        Runs.run(
                recipe,
                new Watched((M2kd) recipe.newMethod()) {
                    @Override
                    protected void ended(Learner learner, Experience experience) {
                        zeros.add(shareOfZeros(learner.network()));
                    }
                },
                Progress.silent());
        assertEquals(0.5, zeros.get(0), 0.02);
        assertEquals(0, zeros.get(1), 0.02);
    }

    private static double shareOfZeros(Network network) {
        long zeros = 0;
        long all = 0;
        for (Parameter parameter : network.parameters()) {
            if (parameter.role() == Parameter.Role.WEIGHT) {
                for (float value : parameter.toArray()) {
                    zeros += value == 0 ? 1 : 0;
                    all++;
                }
            }
        }
        assertEquals(64 * 24 + 24 * 16, all, "weights of the hidden layers");
        return (double) zeros / all;
    }
}
