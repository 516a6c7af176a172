package dev.palimpsest.recipe;

import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.stream.RepetitionPlan;
import dev.palimpsest.stream.RepetitionPlan.Pool;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Streams whose classes repeat and which bring unlabelled images.
 *
 * @param on whether they do; otherwise classes come once, as {@code split} has it, and the rest has no effect
 * @param scenario file of the CLVision 2024 challenge that lists which image comes when; empty: drawn by the plan
 */
public record RepetitionOptions(boolean on, Optional<Path> scenario, RepetitionPlan plan) {
    /** How classes come. */
    public enum Stream {
        CLASSES,
        REPETITION
    }

    /** Whether the plan draws the stream. */
    private boolean drawn() {
        return on && scenario.isEmpty();
    }

    private static final RepetitionPlan CHALLENGE = RepetitionPlan.challenge(Pool.CURRENT);

    private static final Option<RepetitionOptions, Stream> STREAM = Option.choice(
            "stream",
            Stream.class,
            Stream.CLASSES,
            "Each class in one experience, as split has it, or again and again, with unlabelled images as well as"
                    + " labelled ones.",
            r -> r.on() ? Stream.REPETITION : Stream.CLASSES);
    private static final Option<RepetitionOptions, Optional<Path>> SCENARIO = new Option<>(
                    "scenario",
                    "FILE",
                    "",
                    "Scenario file of the CLVision 2024 challenge, which lists what comes when, for the image-list of"
                            + " its images; empty: drawn.",
                    RecipeFile::place,
                    RepetitionOptions::scenario)
            .when(options -> options.on, "stream = repetition");
    private static final Option<RepetitionOptions, Integer> EXPERIENCES = Option.integer(
                    "experiences",
                    CHALLENGE.experiences(),
                    "How many there are.",
                    (RepetitionOptions r) -> r.plan().experiences())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> LABELLED = Option.integer(
                    "labelled",
                    CHALLENGE.labelled(),
                    "Labelled images per experience.",
                    (RepetitionOptions r) -> r.plan().labelled())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> UNLABELLED = Option.integer(
                    "unlabelled",
                    CHALLENGE.unlabelled(),
                    "Unlabelled images per experience.",
                    (RepetitionOptions r) -> r.plan().unlabelled())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> FIRST_WINDOW = Option.integer(
                    "first-window",
                    CHALLENGE.firstWindow(),
                    "Experiences in which the first new classes arrive.",
                    (RepetitionOptions r) -> r.plan().firstWindow())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> WINDOW = Option.integer(
                    "window",
                    CHALLENGE.window(),
                    "Experiences in which the next ones arrive.",
                    (RepetitionOptions r) -> r.plan().window())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> NEW_CLASSES = Option.integer(
                    "new-classes",
                    CHALLENGE.newClasses(),
                    "Classes that arrive in a window.",
                    (RepetitionOptions r) -> r.plan().newClasses())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Double> ARRIVING = Option.number(
                    "arriving",
                    CHALLENGE.arriving(),
                    "Probability that a class is in an experience of its window.",
                    (RepetitionOptions r) -> r.plan().arriving())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Double> RETURNING = Option.number(
                    "returning",
                    CHALLENGE.returning(),
                    "Probability that it is in a later one.",
                    (RepetitionOptions r) -> r.plan().returning())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> FEWEST = Option.integer(
                    "fewest-classes",
                    CHALLENGE.fewest(),
                    "Fewest classes of an experience.",
                    (RepetitionOptions r) -> r.plan().fewest())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> MOST = Option.integer(
                    "most-classes",
                    CHALLENGE.most(),
                    "Most classes of an experience.",
                    (RepetitionOptions r) -> r.plan().most())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Pool> POOL = new Option<>(
                    "pool",
                    "current|all|distractors",
                    Pool.CURRENT.toString(),
                    "Classes of the unlabelled images: scenarios 1, 2 and 3 of the CLVision 2024 challenge.",
                    Pool::parse,
                    (RepetitionOptions r) -> r.plan().pool())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    private static final Option<RepetitionOptions, Integer> VISITORS = Option.integer(
                    "visitors",
                    CHALLENGE.visitors(),
                    "Classes drawn for the unlabelled images besides the experience's own.",
                    (RepetitionOptions r) -> r.plan().visitors())
            .when(options -> options.drawn(), "stream = repetition without a scenario");
    /** Texts to values and back. */
    public static final OptionGroup<RepetitionOptions> GROUP = new OptionGroup<>(
            List.of(
                    STREAM,
                    SCENARIO,
                    EXPERIENCES,
                    LABELLED,
                    UNLABELLED,
                    FIRST_WINDOW,
                    WINDOW,
                    NEW_CLASSES,
                    ARRIVING,
                    RETURNING,
                    FEWEST,
                    MOST,
                    POOL,
                    VISITORS),
            values -> new RepetitionOptions(
                    values.get(STREAM) == Stream.REPETITION,
                    values.get(SCENARIO),
                    new RepetitionPlan(
                            values.get(EXPERIENCES),
                            values.get(LABELLED),
                            values.get(UNLABELLED),
                            values.get(FIRST_WINDOW),
                            values.get(WINDOW),
                            values.get(NEW_CLASSES),
                            values.get(ARRIVING),
                            values.get(RETURNING),
                            values.get(FEWEST),
                            values.get(MOST),
                            values.get(POOL),
                            values.get(VISITORS))));
}
