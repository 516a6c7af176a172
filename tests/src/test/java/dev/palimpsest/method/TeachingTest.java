package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Doubles;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.SmallRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The reported terms of every step against the equations, in double precision. The teachers here are frozen copies
 * taken at the end of each experience and always run on the batch at hand, so outputs that the method keeps are held
 * against live ones too.
 */
class TeachingTest {
    private static final double LAMBDA = 0.7;
    private static final double LAMBDA_AUXILIARY = 0.3;
    private static final double LAMBDA_FEATURE = 0.05;
    private static final double TEMPERATURE = 3;

    private static final class Watch extends Watched {
        private final Recipe recipe;
        private final List<FrozenNetwork> frozen = new ArrayList<>();
        private final List<ClassRange> experiences = new ArrayList<>();
        private final Map<String, Double> expected = new TreeMap<>();

        Watch(Recipe recipe) {
            super(recipe.newMethod());
            this.recipe = recipe;
        }

        @Override
        protected void begun(Learner learner, Experience experience) {
            experiences.add(experience.classes());
        }

        @Override
        protected void passing(Pass pass) {
            expected.clear();
            boolean all = recipe.method().equals("m2kd");
            boolean targetsAlone =
                    recipe.method().equals("lwf-mc") || recipe.method().equals("icarl");
            int first = all ? 0 : Math.max(0, frozen.size() - 1);
            double weight = option("over-snapshots").equals("sum") ? 1 : 1.0 / (frozen.size() - first);
            Outputs<double[][]> student = pass.outputs().map(output -> rows(pass.engine(), output.value()));
            Outputs<double[][]> last = null;
            for (int i = first; i < frozen.size(); i++) {
                int begin = all && option("groups").equals("own")
                        ? experiences.get(i).begin()
                        : 0;
                Outputs<double[][]> teacher = said(frozen.get(i), pass);
                last = teacher;
                if (targetsAlone) {
                    continue;
                }
                add("distillation", LAMBDA * weight * kl(teacher.logits(), student.logits(), begin));
                for (int l = 0; l < student.auxiliary().size(); l++) {
                    add(
                            "auxiliary distillation",
                            LAMBDA_AUXILIARY
                                    * weight
                                    * kl(
                                            teacher.auxiliary().get(l),
                                            student.auxiliary().get(l),
                                            begin));
                }
                for (int l = 0; all && l < 3; l++) {
                    add(
                            "feature distillation",
                            LAMBDA_FEATURE
                                    * weight
                                    * Doubles.squaredDistance(
                                            student.pooled().get(l),
                                            teacher.pooled().get(l)));
                }
            }
            add(
                    "cross-entropy",
                    crossEntropy(student.logits(), pass.batch().labels(), last == null ? null : last.logits()));
            for (int l = 0; l < student.auxiliary().size(); l++) {
                double[][] lastAuxiliary =
                        last == null ? null : last.auxiliary().get(l);
                add(
                        "auxiliary cross-entropy",
                        crossEntropy(student.auxiliary().get(l), pass.batch().labels(), lastAuxiliary) / 2);
            }
        }

        private String option(String name) {
            return recipe.methodOptions().getOrDefault(name, "");
        }

        /** That of sigmoids is not an option of the methods that have no other. */
        private String form() {
            return recipe.methodOptions().getOrDefault("cross-entropy", "bce");
        }

        private void add(String term, double value) {
            expected.merge(term, value, Double::sum);
        }

        private static double[][] rows(Engine engine, Tensor matrix) {
            return Doubles.rows(engine.toArray(matrix), matrix.shape().extent(1));
        }

        private static Outputs<double[][]> said(FrozenNetwork network, Pass pass) {
            Outputs<Tensor> outputs = network.forward(pass.images(), true);
            Outputs<double[][]> said = outputs.map(output -> rows(pass.engine(), output));
            outputs.forEach(pass.engine()::release);
            return said;
        }

        /** Over the classes from the given one on that the teacher knew. */
        private static double kl(double[][] teacher, double[][] student, int begin) {
            int end = teacher[0].length;
            return Doubles.kl(Doubles.columns(teacher, begin, end), Doubles.columns(student, begin, end), TEMPERATURE);
        }

        private double crossEntropy(double[][] logits, int[] labels, double[][] last) {
            int begin = form().equals("new") ? experiences.getLast().begin() : 0;
            double sum = 0;
            for (int row = 0; row < labels.length; row++) {
                if (!form().equals("bce")) {
                    double[] z = Doubles.columns(logits, begin, logits[row].length)[row];
                    sum -= Math.log(Doubles.softmax(z, 1)[labels[row] - begin]);
                    continue;
                }
                for (int c = 0; c < logits[row].length; c++) {
                    double target =
                            last != null && c < last[row].length ? sigmoid(last[row][c]) : c == labels[row] ? 1 : 0;
                    sum -= target * Math.log(sigmoid(logits[row][c]))
                            + (1 - target) * Math.log(1 - sigmoid(logits[row][c]));
                }
            }
            return sum / labels.length;
        }

        private static double sigmoid(double x) {
            return 1 / (1 + Math.exp(-x));
        }

        @Override
        protected void ended(Learner learner, Experience experience) {
            frozen.add(learner.freeze());
        }

        @Override
        public void close() {
            frozen.forEach(FrozenNetwork::close);
            super.close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "m2kd, own, mean, none, all, 2, true",
        "m2kd, own, sum, shift:1, bce, 2, true",
        "m2kd, cumulative, mean, shift:1, new, 0, false",
        "m2kd, cumulative, sum, none, new, 0, false",
        "lwf, own, mean, none, all, 2, true",
        "lwf, own, sum, shift:1, bce, 0, true",
        "lwf-mc, own, mean, none, bce, 0, true",
        "icarl, own, mean, none, bce, 2, true",
        "icarl, own, mean, shift:1, bce, 2, true",
    })
    void everyTermIsWhatItsEquationSays(
            String method,
            String groups,
            String over,
            String augment,
            String crossEntropy,
            int exemplars,
            boolean prune) {
        Recipe recipe = SmallRun.recipe(
                "method=" + method,
                "groups=" + groups,
                "over-snapshots=" + over,
                "augment=" + augment,
                "cross-entropy=" + crossEntropy,
                "exemplars=" + exemplars,
                "prune=" + prune,
                "lambda=" + LAMBDA,
                "temperature=" + TEMPERATURE,
                "lambda-auxiliary=" + LAMBDA_AUXILIARY,
                "lambda-feature=" + LAMBDA_FEATURE,
                "split=2x3+4",
                "validation=0.6");
        Watch watch = new Watch(recipe);
        int firstTerms = method.equals("m2kd") ? 2 : 1;
        int laterTerms = firstTerms + (method.equals("m2kd") ? 3 : method.equals("lwf") ? 1 : 0);
        int[] steps = new int[3];
        Runs.run(recipe, watch, new Progress() {
            @Override
            public void step(Step step) {
                String where = "step " + step.step() + " of experience " + step.experience() + ", ";
                assertEquals(watch.expected.keySet(), new TreeMap<>(step.terms()).keySet(), where);
                assertEquals(
                        step.experience() == 0 ? firstTerms : laterTerms,
                        step.terms().size(),
                        where);
                step.terms().forEach((term, value) -> {
                    double should = watch.expected.get(term);
                    assertTrue(should > 0, where + term + " has nothing to say");
                    assertEquals(should, value, 1e-4 * should + 1e-7, where + term);
                });
                assertEquals(
                        step.terms().values().stream()
                                .mapToDouble(Double::doubleValue)
                                .sum(),
                        step.loss(),
                        1e-9);
                steps[step.experience()]++;
            }
        });
        assertTrue(IntStream.of(steps).allMatch(count -> count > 5), "steps were looked at");
    }
}
