package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every method learns a small stream on every backend as it does on one core of the processor, with an optimiser that
 * starts anew in every phase and with one that is kept. Three experiences: heads grow, weights are released and
 * claimed again, two teachers choose, and memory replays.
 */
abstract class EveryMethodTest {
    private static final List<String> BASE =
            List.of("split=4+3+3", "validation=0.8", "batch=32", "epochs=1", "retrain-epochs=1");

    /** Options that open a fresh backend for the next run. */
    abstract List<String> backend(String run);

    /** To be called when a run is over. */
    void over() {}

    /** How far a term may be away, as a share of it: rounding grows from step to step. */
    abstract double tolerance();

    static Stream<String> runs() {
        Stream<String> all = MethodOptionsTest.methods().stream().map(name -> "method=" + name + options(name));
        Stream<String> more = Stream.of(
                        " relation=paper teacher-batches=joined ssl=simclr",
                        " ssl=simsiam ema=0.9",
                        " ssl=vicreg optimiser=adam")
                .map(options -> "method=mlkd" + options("mlkd") + options);
        return Stream.concat(
                all.flatMap(run -> Stream.of(run + " keep-optimiser=false", run + " keep-optimiser=true")),
                more.map(run -> run + " keep-optimiser=true"));
    }

    private static String options(String method) {
        return switch (method) {
            case "m2kd" -> " lambda-feature=0.05 clip=5";
            case "mlkd", "mlkd-alone" ->
                " learning-rate=0.01 unlabelled-batch=32 memory=30 augment=shift:1 margin-weight=0.1"
                        + " feature-weight=0.02";
            case "mlkd-ssl-alone", "mlkd-baseline" -> " learning-rate=0.01 memory=30 augment=shift:1 margin-weight=0.1";
            case "lwf-unlabelled" -> " unlabelled-batch=32";
            default -> "";
        };
    }

    /** Every step's terms and, under "loss", their sum. */
    static List<Map<String, Double>> steps(List<String> options) {
        Recipe recipe = SmallRun.recipe(options.toArray(String[]::new));
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

    @ParameterizedTest
    @MethodSource("runs")
    void learnsWhatItLearnsOnOneCore(String run) {
        List<String> options = new ArrayList<>(BASE);
        options.addAll(List.of(run.split(" ")));
        List<Map<String, Double>> expected = steps(options);
        options.addAll(backend(run));
        List<Map<String, Double>> found = steps(options);
        assertTrue(expected.size() >= 9, "steps: " + expected.size());
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i).keySet(), found.get(i).keySet(), "terms of step " + i);
            for (Map.Entry<String, Double> term : expected.get(i).entrySet()) {
                // A wrong term would show in the first step that has it.
                assertEquals(
                        term.getValue(),
                        found.get(i).get(term.getKey()),
                        tolerance()
                                * (Math.abs(term.getValue())
                                        + 5e-5 * expected.get(i).get("loss")),
                        term.getKey() + " of step " + i);
            }
        }
        over();
    }
}
