package dev.palimpsest.stream;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The parameters of a stream where classes repeat. Classes arrive in windows of experiences; in each experience of its
 * window a class is there with probability {@code arriving} (but in one at least), after the window with probability
 * {@code returning}, as long as it has images that were not labelled yet.
 *
 * @param experiences how many experiences the stream has, at least 1
 * @param labelled images per experience, spread as evenly over its classes as their images allow
 * @param unlabelled images per experience, spread likewise over the classes of its pool
 * @param firstWindow how many experiences the first window has, at least 1
 * @param window how many experiences every other window has; the last may be cut short by the end of the stream
 * @param newClasses how many classes arrive in a window; in the last, those that are left
 * @param arriving probability that a class is there in an experience of its own window
 * @param returning probability that a class is there in an experience after its window
 * @param fewest least number of classes of an experience, 1 to {@code newClasses}
 * @param most largest number of classes of an experience, unless more arrive in it that have no other place
 * @param pool which classes the unlabelled images may belong to
 * @param visitors how many classes are drawn for the pool from all that {@code pool} allows, besides the experience's
 *     own (which may be drawn too)
 */
public record RepetitionPlan(
        int experiences,
        int labelled,
        int unlabelled,
        int firstWindow,
        int window,
        int newClasses,
        double arriving,
        double returning,
        int fewest,
        int most,
        Pool pool,
        int visitors) {
    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException if a parameter is out of range; the message names it and its range
     */
    public RepetitionPlan {
        check(experiences >= 1, "experiences", experiences, "1 or more");
        check(labelled >= 1, "labelled", labelled, "1 image or more");
        check(unlabelled >= 0, "unlabelled", unlabelled, "0 images or more");
        check(
                firstWindow >= 1 && firstWindow <= experiences,
                "first-window",
                firstWindow,
                "1 to " + experiences + " experiences");
        check(window >= 1, "window", window, "1 experience or more");
        check(newClasses >= 1, "new-classes", newClasses, "1 or more");
        check(arriving >= 0 && arriving <= 1, "arriving", arriving, "a probability");
        check(returning >= 0 && returning <= 1, "returning", returning, "a probability");
        check(
                fewest >= 1 && fewest <= newClasses,
                "fewest-classes",
                fewest,
                "1 to " + newClasses + ", the classes of a window");
        check(
                most >= fewest && most <= labelled,
                "most-classes",
                most,
                fewest + " to " + labelled + ", the labelled images");
        check(visitors >= 0, "visitors", visitors, "0 classes or more");
    }

    /**
     * The CLVision 2024 challenge: 50 experiences, each 500 labelled and 1,000 unlabelled images. The two
     * probabilities, 0.54 and 0.113, are fitted to the challenge's three scenarios.
     *
     * @param pool which classes the unlabelled images may belong to; it is what the scenarios differ in
     * @return the parameters
     */
    public static RepetitionPlan challenge(Pool pool) {
        return new RepetitionPlan(50, 500, 1000, 3, 5, 10, 0.54, 0.113, 3, 19, pool, 10);
    }

    /**
     * The same course of classes, with other numbers of images.
     *
     * @param labelledImages images per experience, at least {@code most}
     * @param unlabelledImages images per experience, at least 0
     * @return parameters that are otherwise these
     * @throws IllegalArgumentException if a number is out of range
     */
    public RepetitionPlan withImages(int labelledImages, int unlabelledImages) {
        return new RepetitionPlan(
                experiences,
                labelledImages,
                unlabelledImages,
                firstWindow,
                window,
                newClasses,
                arriving,
                returning,
                fewest,
                most,
                pool,
                visitors);
    }

    /** First experience of a window, the end of the one before it. */
    int begin(int w) {
        return w == 0 ? 0 : (int) Math.min(experiences, firstWindow + (w - 1L) * window);
    }

    /**
     * Windows that these classes take.
     *
     * @throws IllegalArgumentException if the stream is too short for them
     */
    int windows(int classes) {
        int windows = (classes + newClasses - 1) / newClasses;
        if (begin(windows - 1) >= experiences) {
            throw new IllegalArgumentException(
                    classes + " classes, " + newClasses + " in each window, take " + windows + " windows; "
                            + experiences
                            + " experiences end before the last begins: use more experiences, shorter windows or more"
                            + " new classes");
        }
        return windows;
    }

    private static void check(boolean fits, String name, Object value, String expected) {
        if (!fits) {
            throw new IllegalArgumentException(name + " = " + value + ": expected " + expected);
        }
    }

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
}
