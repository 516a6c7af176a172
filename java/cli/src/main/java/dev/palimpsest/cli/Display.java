package dev.palimpsest.cli;

import dev.palimpsest.train.Progress;

/** Shows runs to the user. */
@FunctionalInterface
interface Display {
    /** One run, until it is closed. */
    interface Watch extends Progress, AutoCloseable {
        @Override
        void close();
    }

    /**
     * Begins to show a run.
     *
     * @param alone whether no other run is shown at the same time
     */
    Watch watch(String name, boolean alone);
}
