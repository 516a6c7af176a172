package dev.palimpsest.stream;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Of which classes an experience's unlabelled images are: the three scenarios of the CLVision 2024 challenge. */
public enum Pool {
    /** Those of its labelled images (scenario 1). */
    CURRENT,
    /** Those, and others that were or will be labelled (scenario 2). */
    ALL,
    /** Those, and others that were, will be or never are labelled (scenario 3). */
    DISTRACTORS;

    /**
     * "current", "all" or "distractors".
     *
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
