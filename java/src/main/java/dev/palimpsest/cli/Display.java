package dev.palimpsest.cli;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Progress;

/** Shows runs to the user. */
@FunctionalInterface
interface Display {
    /** One run, until it is closed. */
    interface Watch extends Progress, AutoCloseable {
        @Override
        void close();
    }

    Watch watch(Recipe recipe);
}
