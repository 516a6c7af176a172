package dev.palimpsest.cli;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;

/** What {@code train} starts: an experiment, or in tests a stand-in. */
@FunctionalInterface
interface Runner {
    Result run(Recipe recipe, Progress progress) throws IOException;
}
