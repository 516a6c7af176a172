package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.method.Methods;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Recipe;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every method with every option that decides how it trains: each runs two experiences and makes a difference. */
class EveryMethodTest {
    /** Two steps in each phase, all images in one batch: few shapes to prepare layers for, which is what takes the time. */
    private static final String[] BASE = {"split=4+6", "validation=0.9", "batch=1000", "epochs=2"};

    /** Options of training that no method ignores. */
    private static final List<String> FOR_ALL = List.of("augment=crop-flip:1", "optimiser=adam", "nesterov=true", "schedule=constant",
            "schedule=step milestones=1", "clip=0.5", "network=cifar-resnet", "weight-decay=0.1", "momentum=0");
    private static final List<String> NOT_FOR_JOINT = List.of("freeze-norm=true", "later-learning-rate-factor=0.2", "cross-entropy=bce",
            "exemplars=0", "exemplars=0 cross-entropy=new", "exemplars=0 cross-entropy=bce", "exemplars=5", "selection=random");
    private static final List<String> FOR_DISTILLATION = List.of("lambda=0", "temperature=4");
    private static final List<String> FOR_M2KD = List.of("prune=false", "fraction=0.3", "retrain-epochs=0",
            "retrain-learning-rate-factor=0.5", "auxiliary-heads=false", "lambda-auxiliary=0", "lambda-feature=0.05");

    private static List<String> options(MethodOptions.Kind kind) {
        List<String> options = new ArrayList<>(FOR_ALL);
        if (kind != MethodOptions.Kind.JOINT) {
            options.addAll(NOT_FOR_JOINT);
        }
        if (kind == MethodOptions.Kind.M2KD || kind == MethodOptions.Kind.LWF) {
            options.addAll(FOR_DISTILLATION);
        }
        if (kind == MethodOptions.Kind.M2KD) {
            options.addAll(FOR_M2KD);
        }
        return options;
    }

    private static Result run(MethodOptions.Kind kind, String options) {
        List<String> all = new ArrayList<>(List.of(BASE));
        all.add("method=" + kind.name().toLowerCase(Locale.ROOT).replace('_', '-'));
        all.addAll(List.of(options.split(" ")));
        Recipe recipe = Methods.settled(SmallRun.recipe(all.toArray(String[]::new)));
        int[] steps = new int[2];
        Result result = Experiment.run(recipe, Methods.of(recipe), new Progress() {
            @Override
            public void step(Step step) {
                assertTrue(Double.isFinite(step.loss()) && step.loss() > 0, kind + " " + options + ": " + step);
                assertEquals(step.loss(), step.terms().values().stream().mapToDouble(Double::doubleValue).sum(), 1e-9 * step.loss());
                steps[step.experience()]++;
            }
        });
        assertTrue(steps[0] > 0 && steps[1] > 0);
        return result;
    }

    @ParameterizedTest
    @EnumSource(MethodOptions.Kind.class)
    void everyOptionOfTrainingChangesTheWeights(MethodOptions.Kind kind) {
        Set<String> hashes = new TreeSet<>();
        hashes.add(run(kind, "seed=1").weightsSha256());
        for (String option : options(kind)) {
            assertTrue(hashes.add(run(kind, option).weightsSha256()), kind + ": " + option + " gives the weights of another recipe");
        }
    }

    @ParameterizedTest
    @EnumSource(value = MethodOptions.Kind.class, names = {"JOINT"}, mode = EnumSource.Mode.EXCLUDE)
    void theClassifierChangesTheAccuracyAndNotTheWeights(MethodOptions.Kind kind) {
        Result head = run(kind, "exemplars=5");
        Result nearest = run(kind, "exemplars=5 classifier=nearest-mean");
        assertEquals(head.weightsSha256(), nearest.weightsSha256());
        assertNotEquals(SmallRun.accuracies(head), SmallRun.accuracies(nearest));
    }

    @Test
    void jointIgnoresWhatSparesOldKnowledge() {
        assertEquals(run(MethodOptions.Kind.JOINT, "seed=1").weightsSha256(), run(MethodOptions.Kind.JOINT,
                "exemplars=0 cross-entropy=new freeze-norm=true later-learning-rate-factor=0.2").weightsSha256());
    }
}
