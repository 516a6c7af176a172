package dev.palimpsest.recipe;

import dev.palimpsest.stream.Pool;
import dev.palimpsest.stream.RepetitionPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Streams whose classes repeat and which bring unlabelled images.
 *
 * @param on whether they do; otherwise classes come once, as {@code split} says, and the rest has no effect
 * @param scenario file of the CLVision 2024 challenge that says which image comes when; empty: drawn by the plan
 */
public record RepetitionOptions(boolean on, Optional<Path> scenario, RepetitionPlan plan) {
    /** How classes come. */
    public enum Stream {
        CLASSES,
        REPETITION
    }

    private static final RepetitionPlan CHALLENGE = RepetitionPlan.challenge(Pool.CURRENT);

    static final Option<Stream> STREAM = Option.choice(
            "stream",
            Stream.class,
            Stream.CLASSES,
            "Each class in one experience, as split says, or again and again, with unlabelled images beside the"
                    + " labelled ones.",
            r -> r.repetition().on() ? Stream.REPETITION : Stream.CLASSES);
    static final Option<Optional<Path>> SCENARIO = new Option<>(
            "scenario",
            "FILE",
            "",
            "Scenario file of the CLVision 2024 challenge, which says what comes when, for the image-list of its"
                    + " images; empty: drawn.",
            text -> text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text)),
            r -> r.repetition().scenario());
    static final Option<Integer> EXPERIENCES = Option.integer(
            "experiences",
            CHALLENGE.experiences(),
            "How many there are.",
            r -> r.repetition().plan().experiences());
    static final Option<Integer> LABELLED = Option.integer(
            "labelled",
            CHALLENGE.labelled(),
            "Labelled images an experience.",
            r -> r.repetition().plan().labelled());
    static final Option<Integer> UNLABELLED = Option.integer(
            "unlabelled",
            CHALLENGE.unlabelled(),
            "Unlabelled images an experience.",
            r -> r.repetition().plan().unlabelled());
    static final Option<Integer> FIRST_WINDOW = Option.integer(
            "first-window",
            CHALLENGE.firstWindow(),
            "Experiences in which the first new classes arrive.",
            r -> r.repetition().plan().firstWindow());
    static final Option<Integer> WINDOW = Option.integer(
            "window",
            CHALLENGE.window(),
            "Experiences in which the next ones arrive.",
            r -> r.repetition().plan().window());
    static final Option<Integer> NEW_CLASSES = Option.integer(
            "new-classes",
            CHALLENGE.newClasses(),
            "Classes that arrive in a window.",
            r -> r.repetition().plan().newClasses());
    static final Option<Double> ARRIVING = Option.number(
            "arriving",
            CHALLENGE.arriving(),
            "Probability that a class is in an experience of its window.",
            r -> r.repetition().plan().arriving());
    static final Option<Double> RETURNING = Option.number(
            "returning",
            CHALLENGE.returning(),
            "Probability that it is in a later one.",
            r -> r.repetition().plan().returning());
    static final Option<Integer> FEWEST = Option.integer(
            "fewest-classes",
            CHALLENGE.fewest(),
            "Fewest classes of an experience.",
            r -> r.repetition().plan().fewest());
    static final Option<Integer> MOST = Option.integer(
            "most-classes",
            CHALLENGE.most(),
            "Most classes of an experience.",
            r -> r.repetition().plan().most());
    static final Option<Pool> POOL = new Option<>(
            "pool",
            "current|all|distractors",
            Pool.CURRENT.toString(),
            "Classes of the unlabelled images: scenarios 1, 2 and 3 of the CLVision 2024 challenge.",
            Pool::parse,
            r -> r.repetition().plan().pool());
    static final Option<Integer> VISITORS = Option.integer(
            "visitors",
            CHALLENGE.visitors(),
            "Classes drawn for the unlabelled images besides the experience's own.",
            r -> r.repetition().plan().visitors());
    static final List<Option<?>> ALL = List.of(
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
            VISITORS);

    static RepetitionOptions of(Values values) {
        return new RepetitionOptions(
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
                        values.get(VISITORS)));
    }
}
