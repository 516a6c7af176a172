package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.method.Methods;
import dev.palimpsest.recipe.Recipe;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whole runs with {@code device = cuda} beside the same runs on the processor. */
@Tag("device")
class CudaRunTest {
    @BeforeEach
    void prepare() {
        DeviceEngine.prepare();
    }

    private static List<Double> losses(String... options) {
        Recipe recipe = Methods.settled(SmallRun.recipe(options));
        List<Double> losses = new ArrayList<>();
        Experiment.run(recipe, Methods.of(recipe), new Progress() {
            @Override
            public void step(Step step) {
                assertTrue(Double.isFinite(step.loss()) && step.loss() > 0, "loss " + step.loss());
                losses.add(step.loss());
            }
        });
        return losses;
    }

    /** Two experiences, so that the first one teaches in the second: logits, auxiliary heads and features, owners and snapshots. */
    @Test
    void m2kdLearnsOnTheDeviceWhatItLearnsOnTheProcessor() {
        String[] options = {"method=m2kd", "split=2x5", "batch=128", "lambda-feature=0.05", "validation=0.8", "clip=5"};
        List<Double> expected = losses(options);
        String[] onDevice = Arrays.copyOf(options, options.length + 2);
        onDevice[options.length] = "device=cuda";
        onDevice[options.length + 1] = "deterministic=true";
        List<Double> found = losses(onDevice);
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < expected.size(); i++) {
            // Rounding grows from step to step; a wrong term would show in the first step that has it.
            assertEquals(expected.get(i), found.get(i), 0.02 * expected.get(i), "loss of step " + i);
        }
        TestDevice.assertNothingIsLeft();
    }

    /** Teachers that are rebuilt on the device for every batch, and ones that stay. */
    @Test
    void whatTeachersSayOnTheDeviceDoesNotDependOnTheirMemory() {
        String options =
                "method=m2kd split=3+3+4 batch=128 validation=0.8 lambda-feature=0.05 augment=shift:1 device=cuda deterministic=true";
        List<Double> kept = losses(options.split(" "));
        DeviceEngine.prepare();
        assertEquals(kept, losses((options + " teacher-memory=0").split(" ")));
        TestDevice.assertNothingIsLeft();
    }
}
