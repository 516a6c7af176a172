package dev.palimpsest.train;

import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import java.util.List;

/**
 * Images of earlier classes that are kept. Immutable.
 *
 * @param perClass images per class; 0: none are kept, unless there is a budget
 * @param budget images of all classes together, shared evenly among those seen; 0: {@code perClass} counts
 * @param selection how they are chosen
 * @param rehearsal how they come into batches
 */
public record ExemplarOptions(int perClass, int budget, Selection selection, Rehearsal rehearsal) {
    /** Herding keeps the images whose mean feature stays nearest to the class mean (iCaRL). */
    public enum Selection {
        /** By herding. */
        HERDING,
        /** At random. */
        RANDOM
    }

    /** How exemplars come into batches. */
    public enum Rehearsal {
        /** They make up half of every batch. */
        HALF,
        /** They come among the new images like any of them (iCaRL). */
        MIXED
    }

    private static final Option<ExemplarOptions, Integer> EXEMPLARS = Option.integer(
                    "exemplars", 10, "Images kept of every earlier class; 0: none.", ExemplarOptions::perClass)
            .when(options -> options.budget == 0, "exemplar-budget = 0");
    private static final Option<ExemplarOptions, Integer> BUDGET = Option.integer(
            "exemplar-budget",
            0,
            "Images kept of all earlier classes together, shared evenly; above 0 it takes the place of exemplars.",
            ExemplarOptions::budget);
    private static final Option<ExemplarOptions, Selection> SELECTION = Option.choice(
                    "selection",
                    Selection.class,
                    Selection.HERDING,
                    "How exemplars are chosen.",
                    ExemplarOptions::selection)
            .when(ExemplarOptions::kept, "exemplars = 1 or more");
    private static final Option<ExemplarOptions, Rehearsal> REHEARSAL = Option.choice(
                    "rehearsal",
                    Rehearsal.class,
                    Rehearsal.HALF,
                    "Exemplars are half of every batch, or mixed among the new images, an epoch over both.",
                    ExemplarOptions::rehearsal)
            .when(ExemplarOptions::kept, "exemplars = 1 or more");

    /** Texts to values and back. */
    public static final OptionGroup<ExemplarOptions> GROUP = new OptionGroup<>(
            List.of(EXEMPLARS, BUDGET, SELECTION, REHEARSAL),
            values -> new ExemplarOptions(
                    values.get(EXEMPLARS), values.get(BUDGET), values.get(SELECTION), values.get(REHEARSAL)));

    /** Ten per class, by herding, half of every batch. */
    public static final ExemplarOptions DEFAULT = new ExemplarOptions(10, 0, Selection.HERDING, Rehearsal.HALF);

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence naming the option and what was expected
     */
    public ExemplarOptions {
        Check.atLeast("exemplars", perClass, 0);
        Check.atLeast("exemplar-budget", budget, 0);
    }

    /**
     * So many images of every class.
     *
     * @param images per class
     * @return otherwise as by default
     */
    public static ExemplarOptions ofEachClass(int images) {
        return new ExemplarOptions(images, 0, Selection.HERDING, Rehearsal.HALF);
    }

    /**
     * The same choice and rehearsal of no images.
     *
     * @return options that keep nothing
     */
    public ExemplarOptions none() {
        return new ExemplarOptions(0, 0, selection, rehearsal);
    }

    /**
     * These with another choice and another rehearsal.
     *
     * @param chosen how images are chosen
     * @param rehearsed how they come into batches
     * @return changed options
     */
    public ExemplarOptions with(Selection chosen, Rehearsal rehearsed) {
        return new ExemplarOptions(perClass, budget, chosen, rehearsed);
    }

    /**
     * Whether any are kept.
     *
     * @return whether memory is rehearsed
     */
    public boolean kept() {
        return perClass > 0 || budget > 0;
    }

    /**
     * Most images of a class once so many classes were seen.
     *
     * @param classesSeen at least 1
     * @return images per class
     */
    public int shareOf(int classesSeen) {
        return budget > 0 ? budget / classesSeen : perClass;
    }

    /**
     * Refuses a budget that leaves a class without an image.
     *
     * @param classes that the stream has in the end
     * @throws IllegalArgumentException with a sentence
     */
    public void check(int classes) {
        Check.that(
                budget == 0 || budget >= classes,
                "exemplar-budget",
                budget,
                "0, or at least 1 for each of the " + classes + " classes");
    }
}
