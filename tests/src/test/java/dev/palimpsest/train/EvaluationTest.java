package dev.palimpsest.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Doubles;
import dev.palimpsest.method.Watched;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.stream.Stream.Experience;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvaluationTest {
    private static final String[] JUDGED_BY_VALIDATION = {
        "method=lwf", "split=4+6", "validation=0.5", "evaluate=validation", "epochs=2"
    };

    /** Counts right answers among all classes seen, and among those of the image's own experience. */
    private static final class Counting extends Watched {
        private final List<Double> single = new ArrayList<>();
        private final List<Double> within = new ArrayList<>();

        Counting(Recipe recipe) {
            super(recipe.newMethod());
        }

        @Override
        protected void ended(Learner learner, Experience experience) {
            try (FrozenNetwork now = learner.freeze()) {
                for (Experience past : learner.stream().experiences().subList(0, experience.index() + 1)) {
                    count(learner, now, past);
                }
            }
        }

        private void count(Learner learner, FrozenNetwork network, Experience past) {
            int[] right = new int[2];
            learner.trainingImages().run(network, past.validation(), false, (first, batch, outputs) -> {
                int classes = outputs.logits().shape().extent(1);
                double[][] logits = Doubles.rows(
                        outputs.logits()
                                .data()
                                .asSlice(0, outputs.logits().shape().bytes())
                                .toArray(JAVA_FLOAT),
                        classes);
                for (int row = 0; row < logits.length; row++) {
                    int label = learner.stream()
                            .relabel(learner.trainingImages().images().label(past.validation()[first + row]));
                    right[0] += wins(logits[row], label, 0, classes);
                    right[1] += wins(
                            logits[row],
                            label,
                            past.classes().begin(),
                            past.classes().end());
                }
            });
            single.add((double) right[0] / past.validation().length);
            within.add((double) right[1] / past.validation().length);
        }

        private static int wins(double[] logits, int label, int begin, int end) {
            for (int c = begin; c < end; c++) {
                if (c != label && logits[c] >= logits[label]) {
                    return 0;
                }
            }
            return 1;
        }
    }

    @Test
    void accuraciesAreSharesOfRightAnswers() {
        Recipe recipe = SmallRun.recipe(JUDGED_BY_VALIDATION);
        Counting counting = new Counting(recipe);
        Result result = Runs.run(recipe, counting, Progress.silent());
        List<Double> expected = new ArrayList<>(counting.single);
        expected.addAll(counting.within);
        assertEquals(expected, SmallRun.accuracies(result));
        assertTrue(expected.stream().distinct().count() >= 4, expected + " would not tell one accuracy from another");
    }

    /** Digits have 8×8 pixels of one byte. */
    @Test
    void keptImagesAreCountedOfAnUpperBoundAllOfThem() {
        Recipe joint = SmallRun.recipe("method=joint", "exemplars=0");
        long all = joint.stream(joint.dataset()).experiences().stream()
                .mapToLong(experience -> experience.train().length)
                .sum();
        assertTrue(all > 500, "images " + all);
        assertEquals(
                64 * all, SmallRun.run("method=joint", "exemplars=0").kept().exemplars());
        assertEquals(64 * 2 * 10, SmallRun.run("method=lwf").kept().exemplars(), "two of each class");
    }

    @Test
    void whatIsJudgedChangesTheAccuracyAndNotTheWeights() {
        Result validation = SmallRun.run(JUDGED_BY_VALIDATION);
        String[] test = JUDGED_BY_VALIDATION.clone();
        test[3] = "evaluate=test";
        Result tested = SmallRun.run(test);
        assertEquals(validation.weightsSha256(), tested.weightsSha256());
        assertNotEquals(SmallRun.accuracies(validation), SmallRun.accuracies(tested));
    }
}
