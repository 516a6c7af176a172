package dev.palimpsest.stream;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The classes that an experience's unlabelled images belong to, as in the CLVision 2024 challenge's scenarios. */
public enum Pool {
    /** The classes of its labelled images (scenario 1). */
    CURRENT,
    /** These, and others that were or will be labelled (scenario 2). */
    ALL,
    /** These, and others that were, will be or never are labelled (scenario 3). */
    DISTRACTORS;

    /**
     * Reads a pool as recipes write it.
     *
     * @param text "current", "all" or "distractors"
     * @return the pool, whose {@link #toString} gives the text again
     * @throws IllegalArgumentException if the text is anything else
     */
    public static Pool parse(String text) {
        return Arrays.stream(values())
                .filter(pool -> pool.toString().equals(text.strip()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "\"" + text + "\" is not a pool: expected one of " + List.of(values())));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
