package dev.palimpsest.cli;

import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Recipe;

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
