package dev.palimpsest.report;

import dev.palimpsest.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Writes one run folder after another until it is killed. */
final class EndlessRuns {
    private EndlessRuns() {}

    public static void main(String[] args) throws IOException {
        Recipe recipe = Recipe.of(Map.of());
        for (int i = 0; ; i++) {
            try (RunFolder run = RunFolder.create(
                    Path.of(args[0], "run-" + i),
                    recipe.toMap(),
                    new Origin("m2kd-digits", "palimpsest train m2kd-digits"))) {
                MadeUpRun.run(recipe, run);
            }
        }
    }
}
