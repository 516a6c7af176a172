package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.option.Registration;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.SmallRun;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The recipe {@code mlkd-digits} with few epochs, and what its options do over several experiences. */
class MlkdTest {
    private static final Registration<Method> MLKD = Methods.named("mlkd");

    private final List<Progress.Step> steps = new ArrayList<>();

    private static Recipe recipe(String... options) throws IOException {
        Map<String, String> texts =
                new LinkedHashMap<>(RecipeFile.load("mlkd-digits").texts());
        texts.putAll(Map.of("threads", "1", "epochs", "2", "epochs-fall", "0", "fewest-epochs", "1"));
        for (String option : options) {
            texts.put(option.substring(0, option.indexOf('=')), option.substring(option.indexOf('=') + 1));
        }
        return Recipe.of(texts);
    }

    private Result run(String... options) throws IOException {
        Recipe recipe = recipe(options);
        steps.clear();
        return Runs.run(recipe, new Progress() {
            @Override
            public void step(Step step) {
                steps.add(step);
            }
        });
    }

    private Progress.Step first(int experience) {
        return steps.stream()
                .filter(step -> step.experience() == experience)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void termsComeWithTheExperiencesThatHaveThem() throws IOException {
        Result result = run();
        assertEquals(
                Set.of("cross-entropy", "margins", "self-supervision", "feature distillation"),
                first(0).terms().keySet());
        assertEquals(
                Set.of(
                        "cross-entropy",
                        "margins",
                        "self-supervision",
                        "feature distillation",
                        "logit replay",
                        "relation distillation"),
                first(1).terms().keySet());
        assertEquals(10, result.accuracy().experiences());
        assertTrue(result.stopped().isEmpty());
        assertTrue(result.secondsByPart()
                .keySet()
                .containsAll(List.of(Pass.Part.STUDENT, Pass.Part.TEACHERS, Pass.Part.LOSSES, Pass.Part.OPTIMISER)));
        assertEquals(result.weightsSha256(), run().weightsSha256(), "the same run again");
    }

    /** By the clock of a spectator, who sees when a phase begins and when its last step was told. */
    @Test
    void thePartsOfAStepAddUpToIt() throws IOException {
        Recipe recipe = recipe("epochs=4");
        long[] began = {0};
        long[] told = {0};
        long[] spent = {0};
        Result result = Runs.run(recipe, new Progress() {
            @Override
            public void phaseBegins(Phase phase) {
                began[0] = System.nanoTime();
            }

            @Override
            public void step(Step step) {
                told[0] = System.nanoTime();
            }

            @Override
            public void evaluated(Evaluation evaluation) {
                spent[0] += told[0] - began[0];
            }
        });
        double sum = result.secondsByPart().values().stream()
                .mapToDouble(Double::doubleValue)
                .sum();
        assertEquals(spent[0] * 1e-9, sum, 0.05 * sum);
        assertEquals(EnumSet.allOf(Pass.Part.class), result.secondsByPart().keySet());
        assertFalse(run("teachers=0").secondsByPart().containsKey(Pass.Part.TEACHERS));
    }

    @Test
    void moreTeachersAreOtherWeights() throws IOException {
        Set<String> hashes = Set.of(
                run("teachers=1").weightsSha256(),
                run("teachers=2").weightsSha256(),
                run("teachers=3").weightsSha256(),
                run("teachers=4").weightsSha256());
        assertEquals(4, hashes.size());
    }

    @Test
    void anEnsembleClassifiesOtherwiseWithTheSameWeights() throws IOException {
        Result alone = run();
        Result together = run("ensemble=true");
        assertEquals(alone.weightsSha256(), together.weightsSha256());
        assertNotEquals(SmallRun.accuracies(alone), SmallRun.accuracies(together));
    }

    @ParameterizedTest
    @ValueSource(strings = {"current", "all"})
    void itLearnsFarAboveChance(String pool) throws IOException {
        Result result = run("pool=" + pool, "epochs=12", "learning-rate=0.002");
        assertTrue(
                result.accuracy().finalAccuracy() > 0.45,
                "ten classes: " + result.accuracy().finalAccuracy());
    }

    @Test
    void epochsFallToTheFewest() throws IOException {
        run("epochs=5", "epochs-fall=1", "fewest-epochs=3", "method=mlkd-baseline");
        assertEquals(
                4,
                steps.stream()
                        .filter(step -> step.experience() == 0)
                        .mapToInt(Progress.Step::epoch)
                        .max()
                        .orElseThrow());
        assertEquals(
                3,
                steps.stream()
                        .filter(step -> step.experience() == 1)
                        .mapToInt(Progress.Step::epoch)
                        .max()
                        .orElseThrow());
        assertEquals(
                2,
                steps.stream()
                        .filter(step -> step.experience() == 9)
                        .mapToInt(Progress.Step::epoch)
                        .max()
                        .orElseThrow());
    }

    @Test
    void aUsedUpBudgetEndsTrainingAfterAStepAndLeavesAResult() throws IOException {
        Result late = run("max-minutes=1e-9");
        assertEquals(1, steps.size());
        assertEquals(1, late.accuracy().experiences());
        assertEquals(
                "the time of max-minutes = 1.0E-9 is used up, so training ended in experience 1 of 10",
                late.stopped().orElseThrow());
        Result large = run("max-memory=1");
        assertEquals(1, steps.size());
        assertTrue(
                large.stopped()
                        .orElseThrow()
                        .matches("[\\d,]+ MB of memory were in use, more than max-memory = 1, so training ended "
                                + "in experience 1 of 10"),
                large.stopped().orElseThrow());
    }

    @Test
    void paperAndCodeDifferWhereTheyDo() {
        assertEquals(MLKD.preset("paper").keySet(), MLKD.preset("code").keySet());
        Recipe standard = Recipe.of(Map.of("method", "mlkd"));
        MLKD.preset("code")
                .forEach((name, text) ->
                        assertEquals(text, standard.toMap().get(name), name + ": the default is the code's"));
        MLKD.preset("paper")
                .forEach((name, text) -> assertNotEquals(text, standard.toMap().get(name), name));
        assertEquals(
                "as = book: expected one of code, paper",
                assertThrows(IllegalArgumentException.class, () -> MLKD.preset("book"))
                        .getMessage());
    }

    @Test
    void methodsThatNeedNewClassesAreRefusedWhereClassesRepeat() throws IOException {
        String sentence = assertThrows(IllegalArgumentException.class, () -> recipe("method=m2kd"))
                .getMessage();
        assertTrue(sentence.startsWith("method = m2kd needs new classes in every experience"), sentence);
        assertTrue(sentence.contains("fine-tuning, joint, mlkd") && !sentence.contains("replay"), sentence);
    }
}
