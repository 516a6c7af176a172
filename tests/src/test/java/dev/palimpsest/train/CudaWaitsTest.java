package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.DriverDouble;
import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.method.Watched;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.train.Method.Phase;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What makes the host wait for the device in a training step: that its losses are told, and nothing else. */
@Tag("double")
class CudaWaitsTest {
    /** By the third one all shapes of batches are known, teachers compiled and memory taken. */
    private static final int EPOCHS = 3;

    private static final String MLKD = "method=mlkd split=4+3+3 unlabelled-batch=32 memory=30 augment=shift:1"
            + " feature-weight=0.02 margin-weight=0.1 learning-rate=0.01";

    private record Counts(long waits, long valuesHome, long bytesHome, long allocations) {
        static Counts now() {
            return new Counts(
                    TestDevice.waits(),
                    DriverDouble.count("copies_to_host"),
                    DriverDouble.count("bytes_to_host"),
                    DriverDouble.count("cuMemAlloc"));
        }

        Counts since(Counts before) {
            return new Counts(
                    waits - before.waits,
                    valuesHome - before.valuesHome,
                    bytesHome - before.bytesHome,
                    allocations - before.allocations);
        }
    }

    private record Told(String phase, int experience, int epoch, Counts counts) {}

    private static List<Told> run(String... options) {
        DeviceEngine.prepare();
        Recipe recipe = SmallRun.recipe(options);
        List<Told> steps = new ArrayList<>();
        Runs.run(recipe, new Progress() {
            private String phase;

            @Override
            public void phaseBegins(Phase begun) {
                phase = begun.name();
            }

            @Override
            public void step(Step step) {
                steps.add(new Told(phase, step.experience(), step.epoch(), Counts.now()));
            }
        });
        return steps;
    }

    /** Teachers' outputs kept, and teachers asked anew because images change. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "method=m2kd lambda-feature=0.05",
                "method=m2kd lambda-feature=0.05 augment=shift:1 clip=5",
                "method=lwf",
                "method=lwf augment=shift:1",
                "method=fine-tuning",
                "method=lwf-mc augment=shift:1",
                "method=mlkd augment=shift:1 learning-rate=0.01 unlabelled-batch=32 memory=30 memory-batch=5"
            })
    void onlyALossThatIsToldIsWaitedForAndOnlyLossesComeHome(String options) {
        TestDevice.requireDouble();
        List<Told> steps = run((options + " split=2x5 validation=0.5 batch=32 device=cuda deterministic=true epochs="
                        + EPOCHS + " retrain-epochs=" + EPOCHS)
                .split(" "));
        int compared = 0;
        for (int i = 1; i + 1 < steps.size(); i++) {
            Told now = steps.get(i);
            // The last step of a phase is told when no other is under way.
            boolean settled = steps.get(i - 1).epoch == EPOCHS - 1
                    && now.epoch == EPOCHS - 1
                    && steps.get(i + 1).epoch == EPOCHS - 1;
            if (settled) {
                compared++;
                Counts step = now.counts.since(steps.get(i - 1).counts);
                String which = options + ", step " + i + ": " + step;
                assertTrue(step.valuesHome >= 1 && step.waits <= step.valuesHome, which);
                assertEquals(8 * step.valuesHome, step.bytesHome, which);
                assertEquals(0, step.allocations, which);
            }
        }
        assertTrue(compared > 15, "only " + compared + " steps were compared");
        assertEquals(1, steps.getLast().experience, "the last experience has a teacher");
        TestDevice.assertNothingIsLeft();
    }

    /**
     * From when a step's losses were told to the end of the next step. Only a step with a new shape may search for
     * algorithms.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "method=m2kd split=2x5 lambda-feature=0.05",
                MLKD + " relation=code",
                MLKD + " relation=paper teacher-batches=joined ssl=simclr",
                MLKD + " ssl=simsiam",
                MLKD + " ssl=vicreg"
            })
    void nothingIsWaitedForFromATellingToTheEndOfTheNextStep(String options) {
        TestDevice.requireDouble();
        DeviceEngine.prepare();
        Recipe recipe = SmallRun.recipe(
                (options + " epochs=5 validation=0.9 batch=32 device=cuda deterministic=true").split(" "));
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
}
