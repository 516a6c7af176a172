package dev.palimpsest.recipe;

import java.util.List;
import java.util.OptionalDouble;

/**
 * The method and its loss.
 *
 * @param lambda weight of the distillation of logits
 * @param lambdaAuxiliary weight of the distillation through auxiliary heads
 * @param lambdaFeature weight of the squared distance of pooled features
 * @param fraction share of a step's weights that pruning releases; empty: planned so that every experience owns an
 *     equal share
 * @param freezeNorm whether batch-norm statistics stay as the first experience left them
 */
public record MethodOptions(
        Kind kind,
        double temperature,
        double lambda,
        double lambdaAuxiliary,
        double lambdaFeature,
        Groups groups,
        OverSnapshots overSnapshots,
        CrossEntropy crossEntropy,
        boolean prune,
        OptionalDouble fraction,
        boolean freezeNorm) {
    /**
     * M2KD; distillation from the last model alone, with a softmax or with sigmoids; iCaRL; no distillation, with
     * exemplars or without (the lower bound); training on everything seen so far (the upper bound); MLKD with
     * self-supervision; the same with neither, with self-supervision alone, with MLKD alone; distillation from the
     * last model on unlabelled images.
     */
    public enum Kind {
        M2KD,
        LWF,
        LWF_MC,
        ICARL,
        REPLAY,
        FINE_TUNING,
        JOINT,
        MLKD,
        MLKD_BASELINE,
        MLKD_SSL_ALONE,
        MLKD_ALONE,
        LWF_UNLABELLED
    }

    /** What snapshot i teaches: its own classes, or all it had seen. */
    public enum Groups {
        OWN,
        CUMULATIVE
    }

    /** How the distillation terms of several snapshots are joined. */
    public enum OverSnapshots {
        MEAN,
        SUM
    }

    /** Softmax over the new classes, softmax over all seen, or a sigmoid for each class seen. */
    public enum CrossEntropy {
        NEW,
        ALL,
        BCE
    }

    static final Option<Kind> METHOD = Option.choice(
            "method",
            Kind.class,
            Kind.M2KD,
            "Method: m2kd; lwf distils from the last model alone; lwf-mc does so with sigmoids; icarl is lwf-mc with"
                + " exemplars; replay has exemplars alone; fine-tuning has nothing; joint has all images; mlkd is MLKD"
                + " with self-supervision, mlkd-baseline has neither but its cross-entropy, replay and constraints,"
                + " mlkd-ssl-alone and mlkd-alone have one of the two; lwf-unlabelled is lwf on unlabelled images.",
            r -> r.method().kind());
    static final Option<Double> TEMPERATURE = Option.number(
            "temperature",
            2,
            "Temperature of the distillation.",
            r -> r.method().temperature());
    static final Option<Double> LAMBDA = Option.number(
            "lambda",
            1,
            "Weight of the distillation of logits.",
            r -> r.method().lambda());
    static final Option<Double> LAMBDA_AUXILIARY = Option.number(
            "lambda-auxiliary",
            1,
            "Weight of the distillation through auxiliary heads.",
            r -> r.method().lambdaAuxiliary());
    static final Option<Double> LAMBDA_FEATURE = Option.number(
            "lambda-feature",
            0,
            "Weight of the squared distance of pooled features; 0.05 helps without exemplars.",
            r -> r.method().lambdaFeature());
    static final Option<Groups> GROUPS = Option.choice(
            "groups",
            Groups.class,
            Groups.OWN,
            "What snapshot i teaches: its own classes, or all it had seen.",
            r -> r.method().groups());
    static final Option<OverSnapshots> OVER_SNAPSHOTS = Option.choice(
            "over-snapshots",
            OverSnapshots.class,
            OverSnapshots.MEAN,
            "How the terms of several snapshots are joined; a sum over many drowns the new classes.",
            r -> r.method().overSnapshots());
    static final Option<CrossEntropy> CROSS_ENTROPY = Option.choice(
            "cross-entropy",
            CrossEntropy.class,
            CrossEntropy.ALL,
            "Softmax over the new classes, over all seen, or a sigmoid for each; without exemplars all forgets"
                    + " everything.",
            r -> r.method().crossEntropy());
    static final Option<Boolean> PRUNE = Option.flag(
            "prune",
            true,
            "m2kd: prune after each experience, so that all snapshots live in one set of weights.",
            r -> r.method().prune());
    static final Option<OptionalDouble> FRACTION = new Option<>(
            "fraction",
            "planned|X",
            Option.PLANNED,
            "Share of a step's weights that pruning releases, or planned: an equal share of weights for every"
                    + " experience.",
            MethodOptions::parseFraction,
            r -> r.method().fraction());
    static final Option<Boolean> FREEZE_NORM = Option.flag(
            "freeze-norm",
            false,
            "Keep batch-norm statistics as the first experience left them; helps without exemplars.",
            r -> r.method().freezeNorm());
    static final List<Option<?>> ALL = List.of(
            METHOD,
            TEMPERATURE,
            LAMBDA,
            LAMBDA_AUXILIARY,
            LAMBDA_FEATURE,
            GROUPS,
            OVER_SNAPSHOTS,
            CROSS_ENTROPY,
            PRUNE,
            FRACTION,
            FREEZE_NORM);

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public MethodOptions {
        Check.positive("temperature", temperature);
        Check.notNegative("lambda", lambda);
        Check.notNegative("lambda-auxiliary", lambdaAuxiliary);
        Check.notNegative("lambda-feature", lambdaFeature);
        fraction.ifPresent(share ->
                Check.that(share > 0 && share < 1, "fraction", share, "planned, or a share above 0 and below 1"));
    }

    static MethodOptions of(Values values) {
        return new MethodOptions(
                values.get(METHOD),
                values.get(TEMPERATURE),
                values.get(LAMBDA),
                values.get(LAMBDA_AUXILIARY),
                values.get(LAMBDA_FEATURE),
                values.get(GROUPS),
                values.get(OVER_SNAPSHOTS),
                values.get(CROSS_ENTROPY),
                values.get(PRUNE),
                values.get(FRACTION),
                values.get(FREEZE_NORM));
    }

    private static OptionalDouble parseFraction(String text) {
        if (text.equals(Option.PLANNED)) {
            return OptionalDouble.empty();
        }
        try {
            return OptionalDouble.of(Double.parseDouble(text));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "fraction = " + text + ": expected planned, or a share above 0 and below 1", e);
        }
    }
}
