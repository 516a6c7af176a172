package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.method.Watched;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs with {@code device = cuda} beside the same runs on the processor. */
@Tag("device")
class CudaRunTest {
    @BeforeEach
    void prepare() {
        DeviceEngine.prepare();
    }

    private static Recipe onDevice(String[] options) {
        String[] all = Arrays.copyOf(options, options.length + 2);
        all[options.length] = "device=cuda";
        all[options.length + 1] = "deterministic=true";
        return SmallRun.recipe(all);
    }

    /** Every step's terms and, under "loss", their sum. */
    private static List<Map<String, Double>> steps(Recipe recipe) {
        List<Map<String, Double>> steps = new ArrayList<>();
        Runs.run(recipe, new Progress() {
            @Override
            public void step(Step step) {
                assertTrue(Double.isFinite(step.loss()) && step.loss() > 0, "loss " + step.loss());
                Map<String, Double> terms = new LinkedHashMap<>(step.terms());
                terms.put("loss", step.loss());
                steps.add(terms);
            }
        });
        return steps;
    }

    private static void requireSame(String... options) {
        List<Map<String, Double>> expected = steps(SmallRun.recipe(options));
        List<Map<String, Double>> found = steps(onDevice(options));
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i).keySet(), found.get(i).keySet(), "terms of step " + i);
            for (Map.Entry<String, Double> term : expected.get(i).entrySet()) {
                // Rounding grows from step to step; a wrong term would show in the first step that has it.
                assertEquals(
                        term.getValue(),
                        found.get(i).get(term.getKey()),
                        0.02 * Math.abs(term.getValue())
                                + 1e-6 * expected.get(i).get("loss"),
                        term.getKey() + " of step " + i);
            }
        }
        TestDevice.assertNothingIsLeft();
    }

    /**
     * Two experiences, so that the first one teaches in the second: logits, auxiliary heads and features, owners and
     * snapshots.
     */
    @Test
    void m2kdLearnsOnTheDeviceWhatItLearnsOnTheProcessor() {
        requireSame("method=m2kd", "split=2x5", "batch=128", "lambda-feature=0.05", "validation=0.8", "clip=5");
    }

    /**
     * Three experiences, so that two teachers choose and memory replays; all terms, and teachers that follow. Streams
     * work in other orders than they were told, as far as their waits allow.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "relation=code",
                "relation=paper teacher-batches=joined ssl=simclr",
                "ssl=simsiam ema=0.9",
                "ssl=vicreg"
            })
    void mlkdLearnsOnTheDeviceWhatItLearnsOnTheProcessor(String options) {
        TestDevice.order(options.length());
        requireSame(mlkd(options));
    }

    private static String[] mlkd(String options) {
        List<String> all = new ArrayList<>(List.of(
                "method=mlkd",
                "split=4+3+3",
                "batch=64",
                "unlabelled-batch=32",
                "memory=30",
                "validation=0.8",
                "augment=shift:1",
                "feature-weight=0.02",
                "margin-weight=0.1",
                "learning-rate=0.01"));
        all.addAll(List.of(options.split(" ")));
        return all.toArray(String[]::new);
    }

    /**
     * From when a step's losses were told to the end of the next step. Only a step with a new shape may search for
     * algorithms.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {"relation=code", "relation=paper teacher-batches=joined ssl=simclr", "ssl=simsiam", "ssl=vicreg"
            })
    void theHostWaitsForNothingInAnMlkdStepButToTellOfLosses(String options) {
        TestDevice.requireDouble();
        requireNoWaits(mlkd(options + " epochs=5 validation=0.9 batch=32"));
    }

    @Test
    void theHostWaitsForNothingInAnM2kdStepButToTellOfLosses() {
        TestDevice.requireDouble();
        requireNoWaits("method=m2kd", "split=2x5", "epochs=5", "validation=0.9", "lambda-feature=0.05");
    }

    private static void requireNoWaits(String... options) {
        DeviceEngine.prepare();
        Recipe recipe = onDevice(options);
        long[] told = {-1};
        int[] counted = {0};
        List<String> waits = new ArrayList<>();
        Method watched = new Watched(recipe.newMethod()) {
            @Override
            protected void moved() {
                if (told[0] >= 0) {
                    counted[0]++;
                    if (TestDevice.waits() > told[0]) {
                        waits.add(counted[0] + ": " + (TestDevice.waits() - told[0]));
                    }
                }
            }
        };
        Runs.run(recipe, watched, new Progress() {
            @Override
            public void phaseBegins(Phase phase) {
                told[0] = -1;
            }

            @Override
            public void step(Step step) {
                told[0] = step.epoch() == 0 ? -1 : TestDevice.waits();
            }
        });
        assertTrue(counted[0] > 8, "steps: " + counted[0]);
        assertEquals(List.of(), waits, "waits of the host in steps");
        TestDevice.assertNothingIsLeft();
    }

    /** Teachers that are rebuilt on the device for every batch, and ones that stay. */
    @Test
    void whatTeachersSayOnTheDeviceDoesNotDependOnTheirMemory() {
        String options = "method=m2kd split=3+3+4 batch=128 validation=0.8 lambda-feature=0.05 augment=shift:1";
        List<Map<String, Double>> kept = steps(onDevice(options.split(" ")));
        DeviceEngine.prepare();
        assertEquals(kept, steps(onDevice((options + " teacher-memory=0").split(" "))));
        TestDevice.assertNothingIsLeft();
    }
}
