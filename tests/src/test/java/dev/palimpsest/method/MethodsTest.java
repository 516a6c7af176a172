package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.SmallRun;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MethodsTest {
    /** Which images came in which batch, experience by experience. */
    private static final class BatchWatch extends Watched {
        private final List<Experience> experiences = new ArrayList<>();
        private final List<List<int[]>> batches = new ArrayList<>();
        private final List<int[]> atHand = new ArrayList<>();

        BatchWatch(Recipe recipe) {
            super(recipe.newMethod());
        }

        @Override
        protected void begun(Learner learner, Experience experience) {
            experiences.add(experience);
            batches.add(new ArrayList<>());
            atHand.add(learner.imagesAtHand());
        }

        @Override
        protected void passing(Pass pass) {
            batches.getLast().add(pass.batch().indices().clone());
        }
    }

    private static BatchWatch watch(String... options) {
        Recipe recipe = SmallRun.recipe(options);
        BatchWatch watch = new BatchWatch(recipe);
        Runs.run(recipe, watch, Progress.silent());
        return watch;
    }

    @ParameterizedTest
    @CsvSource({"m2kd, 0", "lwf, 0", "lwf-mc, 0", "lwf-mc, 5", "fine-tuning, 5"})
    void withoutExemplarsNoOldImageIsSeenAgain(String method, String exemplars) {
        BatchWatch watch = watch("method=" + method, "exemplars=" + exemplars, "validation=0.6");
        for (int e = 0; e < 5; e++) {
            Set<Integer> own = set(watch.experiences.get(e).train());
            assertEquals(own, set(watch.batches.get(e)));
            assertEquals(own, set(watch.atHand.get(e)), "what teachers may be asked about");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"icarl", "replay"})
    void withExemplarsSoManyOldImagesAClassComeBack(String method) {
        BatchWatch watch = watch("method=" + method, "exemplars=3", "validation=0.6");
        for (int e = 0; e < 5; e++) {
            Set<Integer> old = set(watch.batches.get(e));
            old.removeAll(set(watch.experiences.get(e).train()));
            assertEquals(3 * 2 * e, old.size());
        }
    }

    @Test
    void aBudgetKeepsFewerOfAClassTheMoreThereAre() {
        BatchWatch watch = watch("method=replay", "exemplar-budget=24", "validation=0.6");
        int[] expected = {0, 24, 24, 24, 24};
        for (int e = 0; e < 5; e++) {
            assertEquals(
                    expected[e],
                    watch.atHand.get(e).length - watch.experiences.get(e).train().length);
            if (e > 1) {
                Set<Integer> before = set(watch.atHand.get(e - 1));
                before.addAll(set(watch.experiences.get(e - 1).train()));
                assertTrue(
                        before.containsAll(minus(
                                set(watch.atHand.get(e)),
                                set(watch.experiences.get(e).train()))),
                        "what was dropped does not come back");
            }
        }
    }

    /** iCaRL's Algorithm 3 trains on the union: every image once an epoch. */
    @Test
    void icarlMixesExemplarsAmongTheNewImages() {
        BatchWatch watch = watch("method=icarl", "exemplars=3", "validation=0.6");
        for (int e = 0; e < 5; e++) {
            int[] seen = watch.batches.get(e).stream()
                    .flatMapToInt(Arrays::stream)
                    .sorted()
                    .toArray();
            assertEquals(
                    Arrays.stream(watch.atHand.get(e)).sorted().boxed().toList(),
                    Arrays.stream(seen).boxed().toList());
        }
        Set<Integer> fresh = set(watch.experiences.get(4).train());
        int[] old = watch.batches.get(4).stream()
                .mapToInt(batch -> (int)
                        IntStream.of(batch).filter(i -> !fresh.contains(i)).count())
                .toArray();
        assertTrue(
                IntStream.of(old).max().orElseThrow() < 16 && IntStream.of(old).sum() == 24, Arrays.toString(old));
    }

    private static Set<Integer> set(List<int[]> batches) {
        return set(batches.stream().flatMapToInt(Arrays::stream).toArray());
    }

    private static Set<Integer> set(int[] indices) {
        return new HashSet<>(Arrays.stream(indices).boxed().toList());
    }

    private static Set<Integer> minus(Set<Integer> all, Set<Integer> some) {
        all.removeAll(some);
        return all;
    }

    @Test
    void methodsThatNeedExemplarsSayWhatToTakeWithout() {
        assertRefused(
                "method = icarl needs exemplars, but exemplars = 0: keep some, or take method = lwf-mc",
                "method=icarl",
                "exemplars=0");
        assertRefused(
                "method = replay needs exemplars, but exemplars = 0: keep some, or take method = fine-tuning",
                "method=replay",
                "exemplars=0");
    }

    @Test
    void oneClassAStepIsRefusedWhereNothingWouldBeLearned() {
        assertRefused(
                "groups = own, and experience 1 brings one class: the distillation of a group of one class is always"
                        + " zero, so that group has no teacher; set groups = cumulative, or distil features with"
                        + " lambda-feature = 0.05",
                "split=10x1");
        assertRefused("groups = own, and experience 2 brings one class: the distil", "split=5+1+4");
        assertRefused(
                "cross-entropy = new, and experience 2 brings 1 new class: a softmax over one class is always right,"
                        + " so nothing is learned; set cross-entropy = bce, or more classes per experience",
                "split=9+1",
                "cross-entropy=new",
                "exemplars=0");
        for (String[] allowed : new String[][] {
            {"split=10x1", "groups=cumulative"},
            {"split=10x1", "lambda-feature=0.05"},
            {"split=9+1"},
            {"split=10x1", "lambda=0"},
            {"split=10x1", "method=lwf"},
            {"split=10x1", "method=icarl"}
        }) {
            SmallRun.recipe(allowed).newMethod().close();
        }
    }

    @Test
    void theUpperBoundHasNothingThatSparesOldKnowledge() {
        Recipe joint = SmallRun.recipe("method=joint", "exemplar-budget=100", "classifier=nearest-mean");
        assertFalse(joint.settings().exemplars().kept());
        assertEquals("head", joint.toMap().get("classifier"));
        assertEquals(
                "head",
                SmallRun.recipe("method=joint", "classifier=weight-alignment")
                        .toMap()
                        .get("classifier"));
    }

    private static void assertRefused(String part, String... options) {
        String message = assertThrows(IllegalArgumentException.class, () -> SmallRun.recipe(options))
                .getMessage();
        assertTrue(message.startsWith(part), message);
    }
}
