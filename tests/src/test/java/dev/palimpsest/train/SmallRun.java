package dev.palimpsest.train;

import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs on the digits that take a moment: a tiny network, one epoch, one thread. */
public final class SmallRun {
    private SmallRun() {}

    /** @param options {@code option=value} that differ */
    public static Recipe recipe(String... options) {
        Map<String, String> texts = new LinkedHashMap<>(Map.of(
                "data",
                "digits",
                "split",
                "5x2",
                "widths",
                "4,8,8",
                "epochs",
                "1",
                "retrain-epochs",
                "1",
                "batch",
                "32",
                "learning-rate",
                "0.05",
                "exemplars",
                "2",
                "validation",
                "0.4",
                "threads",
                "1"));
        for (String option : options) {
            int equals = option.indexOf('=');
            texts.put(option.substring(0, equals), option.substring(equals + 1));
        }
        return Recipe.of(texts);
    }

    public static Result run(String... options) {
        return Runs.run(recipe(options), Progress.silent());
    }

    /** Accuracy after every experience on every one so far, single-head and then within the experience. */
    public static List<Double> accuracies(Result result) {
        List<Double> all = new ArrayList<>();
        for (AccuracyMatrix matrix : List.of(result.accuracy(), result.withinExperience())) {
            for (int i = 0; i < result.accuracy().experiences(); i++) {
                for (int j = 0; j <= i; j++) {
                    all.add(matrix.at(i, j));
                }
            }
        }
        return all;
    }
}
