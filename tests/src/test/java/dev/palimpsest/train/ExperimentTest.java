package dev.palimpsest.train;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.method.Watched;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.Method.Phase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExperimentTest {
    private static final String[] QUICK = {"split=3+7", "validation=0.7"};

    private static String[] quick(String... options) {
        String[] all = Arrays.copyOf(QUICK, QUICK.length + options.length);
        System.arraycopy(options, 0, all, QUICK.length, options.length);
        return all;
    }

    @ParameterizedTest
    @CsvSource({"m2kd, 1", "lwf, 2"})
    void theSameRecipeGivesTheSameWeights(String method, String threads) {
        String[] recipe = quick("method=" + method, "threads=" + threads, "augment=shift:1");
        Result first = SmallRun.run(recipe);
        assertEquals(64, first.weightsSha256().length());
        Result second = SmallRun.run(recipe);
        assertEquals(first.weightsSha256(), second.weightsSha256());
        assertEquals(SmallRun.accuracies(first), SmallRun.accuracies(second));
        Result otherSeed = SmallRun.run(quick("method=" + method, "threads=" + threads, "augment=shift:1", "seed=2"));
        assertNotEquals(first.weightsSha256(), otherSeed.weightsSha256());
    }

    @Test
    void aRunBesideAnotherOneIsNotChangedByIt() {
        String alone = SmallRun.run(quick("method=lwf")).weightsSha256();
        var other = CompletableFuture.supplyAsync(() -> SmallRun.run(quick("method=m2kd")));
        var same = CompletableFuture.supplyAsync(() -> SmallRun.run(quick("method=lwf")));
        assertEquals(alone, same.join().weightsSha256());
        assertNotEquals(alone, other.join().weightsSha256());
    }

    private static final class Closing extends Watched {
        private boolean closed;

        Closing(Recipe recipe) {
            super(recipe.newMethod());
        }

        @Override
        public void close() {
            closed = true;
            super.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"m2kd", "lwf", "lwf-mc", "icarl", "replay", "fine-tuning", "joint"})
    void aLossThatIsNotFiniteStopsTheRunAndClosesEverything(String method) {
        Recipe recipe = SmallRun.recipe(quick("method=" + method, "learning-rate=1e30"));
        Closing closing = new Closing(recipe);
        List<Progress.Step> steps = new ArrayList<>();
        String message = assertThrows(
                        TrainingException.class,
                        () -> Runs.run(recipe, closing, new Progress() {
                            @Override
                            public void step(Step step) {
                                steps.add(step);
                            }
                        }))
                .getMessage();
        assertTrue(
                message.matches("the loss is (NaN|-?Infinity) in step " + steps.size() + " of experience 1 "
                        + "\\(cross-entropy [^)]+\\): lower learning-rate, or set clip"),
                message);
        assertTrue(steps.stream().allMatch(step -> Double.isFinite(step.loss())), "nothing was learned from it");
        assertTrue(closing.closed);
        assertFalse(Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("palimpsest-loader")));
    }

    /** One step alone: its loss is finite, what it leaves behind is not. */
    @Test
    void aLastStepThatDivergesIsNoticedToo() {
        String[] oneStep = {"method=fine-tuning", "split=10", "batch=2000", "learning-rate=1e39", "exemplars=0"};
        String message = assertThrows(TrainingException.class, () -> SmallRun.run(oneStep))
                .getMessage();
        assertTrue(
                message.matches(
                        "a weight of conv1.weight is \\S+ after experience 1: lower learning-rate, or set clip"),
                message);
    }

    @Test
    void anAbsurdWeightDecayIsNotBlamedOnTheLearningRate() {
        String message = assertThrows(TrainingException.class, () -> SmallRun.run("weight-decay=1e9", "exemplars=0"))
                .getMessage();
        assertTrue(
                message.endsWith(": lower weight-decay, so that its product with learning-rate stays below 1"),
                message);
    }

    @Test
    void aRunThatCannotBeginSaysWhy() {
        assertRefused("split 4x2 takes 8 classes, digits has 10", "split=4x2");
        assertRefused("training with batch norm needs at least 2", "batch=1");
        assertRefused("out of sight", "augment=shift:8");
        assertRefused("cross-entropy = new looks at the new classes alone, but exemplars = 2", "cross-entropy=new");
    }

    private static void assertRefused(String part, String... options) {
        String message = assertThrows(IllegalArgumentException.class, () -> SmallRun.run(options))
                .getMessage();
        assertTrue(message.contains(part), message);
    }

    /** Batch norm has no variance in a batch of one. */
    @Test
    void aLastBatchOfOneImageIsAvoided() {
        var stream = ClassIncrementalStream.of(Dataset.load("digits", Optional.empty()), "3+7", "1", 0.7, 1);
        int images = stream.experiences().getFirst().train().length;
        int batch = (images - 1) / 2;
        assertEquals(1, images % batch - (images - 1) % batch, "the last of three batches would have one image");
        List<Progress.Phase> phases = new ArrayList<>();
        Recipe recipe = SmallRun.recipe(quick("method=fine-tuning", "batch=" + batch));
        Runs.run(recipe, new Progress() {
            @Override
            public void phaseBegins(Phase phase) {
                phases.add(phase);
            }
        });
        assertEquals(3, phases.getFirst().stepsPerEpoch());
    }

    @Test
    void aPartOfAPassMakesThatPartOfItsSteps() {
        List<Progress.Phase> phases = new ArrayList<>();
        List<Integer> made = new ArrayList<>();
        Recipe recipe =
                SmallRun.recipe(quick("method=m2kd", "split=5+5", "batch=16", "prune-rounds=2", "retrain-epochs=0.5"));
        Runs.run(recipe, new Progress() {
            @Override
            public void phaseBegins(Phase phase) {
                phases.add(phase);
                made.add(0);
            }

            @Override
            public void step(Step step) {
                made.set(made.size() - 1, made.getLast() + 1);
            }
        });
        assertEquals(
                List.of("train", "retrain", "retrain"),
                phases.subList(0, 3).stream().map(Progress.Phase::name).toList());
        int pass = phases.getFirst().stepsPerEpoch();
        assertTrue(pass > 3, "a half can be told from a whole");
        assertEquals(List.of(pass, Math.round(pass / 2f), Math.round(pass / 2f)), made.subList(0, 3));
        assertEquals(
                made,
                phases.stream().map(phase -> Math.toIntExact(phase.steps())).toList());
    }

    /** What running statistics were when each experience ended. */
    private static final class NormWatch extends Watched {
        private final List<int[]> ended = new ArrayList<>();

        NormWatch(Recipe recipe) {
            super(recipe.newMethod());
        }

        @Override
        protected void ended(Learner learner, Experience experience) {
            ended.add(learner.network().buffers().stream()
                    .flatMapToInt(b -> Arrays.stream(b.read().toArray(JAVA_INT)))
                    .toArray());
        }
    }

    @ParameterizedTest
    @CsvSource({"fine-tuning, true", "lwf, true", "m2kd, true", "lwf, false"})
    void frozenNormsKeepTheStatisticsOfTheFirstExperience(String method, boolean freeze) {
        Recipe recipe = SmallRun.recipe(
                "method=" + method, "freeze-norm=" + freeze, "prune=false", "split=4+2x3", "validation=0.7");
        NormWatch watch = new NormWatch(recipe);
        Runs.run(recipe, watch, Progress.silent());
        assertEquals(3, watch.ended.size());
        assertTrue(Arrays.stream(watch.ended.getFirst()).distinct().count() > 10, "the first experience moved them");
        for (int[] later : watch.ended.subList(1, 3)) {
            if (freeze) {
                assertArrayEquals(watch.ended.getFirst(), later);
            } else {
                assertFalse(Arrays.equals(watch.ended.getFirst(), later));
            }
        }
    }

    @Test
    void progressTellsARunInOrder() {
        List<String> told = new ArrayList<>();
        Recipe recipe = SmallRun.recipe(quick("method=m2kd"));
        Result result = Runs.run(recipe, new Progress() {
            private int next;

            @Override
            public void begins(Setup setup) {
                told.add("begins " + setup.experiences());
                assertEquals(10, setup.classNames().size());
            }

            @Override
            public void experienceBegins(Arrival arrival) {
                told.add("experience " + arrival.experience() + " with "
                        + arrival.classNames().size() + ", memory " + arrival.exemplars());
                next = 0;
            }

            @Override
            public void phaseBegins(Phase phase) {
                told.add(phase.name() + " " + phase.experience());
            }

            @Override
            public void step(Step step) {
                assertEquals(next++, step.step());
                assertTrue(
                        step.loss() > 0
                                && step.learningRate() > 0
                                && step.learningRate() <= 0.05
                                && step.imagesPerSecond() > 0,
                        step.toString());
            }

            @Override
            public void evaluated(Evaluation evaluation) {
                told.add("evaluated " + evaluation.accuracy().size());
                assertTrue(evaluation.withinExperience() >= evaluation.allSeen());
            }

            @Override
            public void done(Result result) {
                told.add("done");
            }
        });
        assertEquals(
                List.of(
                        "begins 2",
                        "experience 0 with 3, memory 0",
                        "train 0",
                        "retrain 0",
                        "retrain 0",
                        "retrain 0",
                        "evaluated 1",
                        "experience 1 with 7, memory 6",
                        "train 1",
                        "evaluated 2",
                        "done"),
                told);
        assertTrue(result.seconds() > 0);
    }
}
