package dev.palimpsest.recipe;

import java.util.List;
import java.util.Map;

/**
 * MLKD and dynamic self-supervision (arXiv 2508.12692). Where paper and published code differ, the code's way is the
 * default.
 *
 * @param ssl the self-supervised loss on unlabelled images
 * @param sslWeight α of experience 0
 * @param sslDecay α is multiplied by it after every experience; 1: constant
 * @param teachers earlier models that teach at most, the newest among them; 0: none, so no distillation
 * @param ema share that a teacher keeps of itself at every step, [0, 1]; 1: it does not follow the student
 * @param featureWeight β = featureWeight · (experience + featureStart)
 * @param marginWeight γ
 * @param replayWeight η
 * @param relationWeight δ; 0: none
 * @param memory features kept of earlier images, at most the challenge's 200; 0: none
 * @param memoryBatch features a step
 * @param unlabelledBatch unlabelled images a step
 * @param ensemble whether the mean of the network's logits and its newest teacher's classifies
 */
public record MlkdOptions(
        Ssl ssl,
        double sslWeight,
        double sslDecay,
        int teachers,
        double ema,
        double featureWeight,
        double featureStart,
        double marginWeight,
        double replayWeight,
        double relationWeight,
        Relation relation,
        int memory,
        int memoryBatch,
        int unlabelledBatch,
        TeacherBatches teacherBatches,
        boolean ensemble) {
    /** Rotation prediction, SimCLR, SimSiam, VICReg, or none. */
    public enum Ssl {
        ROTATION,
        SIMCLR,
        SIMSIAM,
        VICREG,
        NONE
    }

    /** On softmaxes against their own transposes, as in the code, or on Gram matrices of logits, as in the paper. */
    public enum Relation {
        CODE,
        PAPER
    }

    /**
     * Whether a teacher normalises labelled and unlabelled images apart, as in the code, or in one batch, which is
     * fewer passes.
     */
    public enum TeacherBatches {
        SEPARATE,
        JOINED
    }

    private static final int MOST_ITEMS = 200;

    static final Option<Ssl> SSL = Option.choice(
            "ssl",
            Ssl.class,
            Ssl.ROTATION,
            "Self-supervised loss on unlabelled images.",
            r -> r.mlkd().ssl());
    static final Option<Double> SSL_WEIGHT = Option.number(
            "ssl-weight",
            0.5,
            "Its weight in the first experience.",
            r -> r.mlkd().sslWeight());
    static final Option<Double> SSL_DECAY = Option.number(
            "ssl-decay",
            0.95,
            "Factor of its weight after every experience; 1: a constant weight.",
            r -> r.mlkd().sslDecay());
    static final Option<Integer> TEACHERS = Option.integer(
            "teachers",
            3,
            "Earlier models that teach at most, the newest among them; 0: no distillation.",
            r -> r.mlkd().teachers());
    static final Option<Double> EMA = Option.number(
            "ema",
            0.996,
            "Share that a teacher keeps of itself at every step while it follows the student; 1: it stays as it was.",
            r -> r.mlkd().ema());
    static final Option<Double> FEATURE_WEIGHT = Option.number(
            "feature-weight",
            0.002,
            "Weight of feature distillation: this times (experience + feature-start); 0: none.",
            r -> r.mlkd().featureWeight());
    static final Option<Double> FEATURE_START = Option.number(
            "feature-start",
            1,
            "What is added to the experience, counted from 0: 1 in the code, 0 in the paper.",
            r -> r.mlkd().featureStart());
    static final Option<Double> MARGIN_WEIGHT = Option.number(
            "margin-weight",
            0.01,
            "Weight of the constraints between current, earlier and unseen classes: 0.01 in the code, 0.1 in the"
                    + " paper.",
            r -> r.mlkd().marginWeight());
    static final Option<Double> REPLAY_WEIGHT = Option.number(
            "replay-weight",
            0.4,
            "Weight of the replay of stored logits.",
            r -> r.mlkd().replayWeight());
    static final Option<Double> RELATION_WEIGHT = Option.number(
            "relation-weight",
            0.1,
            "Weight of relation distillation; 0: none.",
            r -> r.mlkd().relationWeight());
    static final Option<Relation> RELATION = Option.choice(
            "relation",
            Relation.class,
            Relation.CODE,
            "Relation distillation on softmaxes (code), or on Gram matrices of logits (paper).",
            r -> r.mlkd().relation());
    static final Option<Integer> MEMORY = Option.integer(
            "memory",
            200,
            "Features of earlier images that are kept, with their logits and labels; no image is. At most 200; 0:"
                    + " none.",
            r -> r.mlkd().memory());
    static final Option<Integer> MEMORY_BATCH = Option.integer(
            "memory-batch", 10, "Features from memory a step.", r -> r.mlkd().memoryBatch());
    static final Option<Integer> UNLABELLED_BATCH = Option.integer(
            "unlabelled-batch", 100, "Unlabelled images a step.", r -> r.mlkd().unlabelledBatch());
    static final Option<TeacherBatches> TEACHER_BATCHES = Option.choice(
            "teacher-batches",
            TeacherBatches.class,
            TeacherBatches.SEPARATE,
            "Whether a teacher normalises labelled and unlabelled images apart, as in the code, or in one batch.",
            r -> r.mlkd().teacherBatches());
    static final Option<Boolean> ENSEMBLE = Option.flag(
            "ensemble",
            false,
            "Classify by the mean of the network's logits and its newest teacher's, as in the paper.",
            r -> r.mlkd().ensemble());
    static final List<Option<?>> ALL = List.of(
            SSL,
            SSL_WEIGHT,
            SSL_DECAY,
            TEACHERS,
            EMA,
            FEATURE_WEIGHT,
            FEATURE_START,
            MARGIN_WEIGHT,
            REPLAY_WEIGHT,
            RELATION_WEIGHT,
            RELATION,
            MEMORY,
            MEMORY_BATCH,
            UNLABELLED_BATCH,
            TEACHER_BATCHES,
            ENSEMBLE);

    private static final Map<String, Map<String, String>> VARIANTS = Map.of(
            "code", Map.of("feature-start", "1", "margin-weight", "0.01", "relation", "code", "ensemble", "false"),
            "paper", Map.of("feature-start", "0", "margin-weight", "0.1", "relation", "paper", "ensemble", "true"));

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public MlkdOptions {
        Check.notNegative("ssl-weight", sslWeight);
        Check.that(sslDecay > 0 && sslDecay <= 1, "ssl-decay", sslDecay, "above 0 and at most 1");
        Check.atLeast("teachers", teachers, 0);
        Check.that(ema >= 0 && ema <= 1, "ema", ema, "a share from 0 to 1");
        Check.notNegative("feature-weight", featureWeight);
        Check.notNegative("feature-start", featureStart);
        Check.notNegative("margin-weight", marginWeight);
        Check.notNegative("replay-weight", replayWeight);
        Check.notNegative("relation-weight", relationWeight);
        Check.that(
                memory >= 0 && memory <= MOST_ITEMS,
                "memory",
                memory,
                "0 to " + MOST_ITEMS + ", the challenge's limit");
        Check.atLeast("memory-batch", memoryBatch, 1);
        Check.atLeast("unlabelled-batch", unlabelledBatch, 8);
        Check.that(!ensemble || teachers > 0, "ensemble", ensemble, "false unless there are teachers");
    }

    static MlkdOptions of(Values values) {
        return new MlkdOptions(
                values.get(SSL),
                values.get(SSL_WEIGHT),
                values.get(SSL_DECAY),
                values.get(TEACHERS),
                values.get(EMA),
                values.get(FEATURE_WEIGHT),
                values.get(FEATURE_START),
                values.get(MARGIN_WEIGHT),
                values.get(REPLAY_WEIGHT),
                values.get(RELATION_WEIGHT),
                values.get(RELATION),
                values.get(MEMORY),
                values.get(MEMORY_BATCH),
                values.get(UNLABELLED_BATCH),
                values.get(TEACHER_BATCHES),
                values.get(ENSEMBLE));
    }

    /**
     * What {@code paper} or {@code code} sets, by option name.
     *
     * @throws IllegalArgumentException for any other word
     */
    public static Map<String, String> as(String variant) {
        Map<String, String> texts = VARIANTS.get(variant);
        if (texts == null) {
            throw new IllegalArgumentException("as = " + variant + ": expected paper or code");
        }
        return texts;
    }

    /** α: the weight of the self-supervised loss. */
    public double alpha(int experience) {
        return ssl == Ssl.NONE ? 0 : sslWeight * Math.pow(sslDecay, experience);
    }

    /** β: the weight of feature distillation. */
    public double beta(int experience) {
        return featureWeight * (experience + featureStart);
    }
}
