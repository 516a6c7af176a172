package dev.palimpsest.method;

import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.OptionGroup.Values;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

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
 * @param featureStart what is added to the number of earlier experiences in β
 * @param marginWeight γ
 * @param replayWeight η
 * @param relationWeight δ; 0: none
 * @param relation form of the relation distillation
 * @param memory features kept of earlier images, at most the challenge's 200; 0: none
 * @param memoryBatch features per step
 * @param unlabelledBatch unlabelled images per step
 * @param teacherBatches whether teachers normalise labelled and unlabelled images apart
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
        /** Which quarter turn an image was given. */
        ROTATION,
        /** SimCLR. */
        SIMCLR,
        /** SimSiam. */
        SIMSIAM,
        /** VICReg. */
        VICREG,
        /** No self-supervision. */
        NONE
    }

    /** On softmaxes against their own transposes, as in the code, or on Gram matrices of logits, as in the paper. */
    public enum Relation {
        /** On softmaxes against their own transposes. */
        CODE,
        /** On Gram matrices of logits. */
        PAPER
    }

    /**
     * Whether a teacher normalises labelled and unlabelled images apart, as in the code, or in one batch, which is
     * fewer passes.
     */
    public enum TeacherBatches {
        /** Apart, as in the code. */
        SEPARATE,
        /** In one batch, which is fewer passes. */
        JOINED
    }

    private static final int MOST_ITEMS = 200;

    private static final Option<MlkdOptions, Ssl> SSL = Option.choice(
            "ssl", Ssl.class, Ssl.ROTATION, "Self-supervised loss on unlabelled images.", MlkdOptions::ssl);
    private static final Option<MlkdOptions, Double> SSL_WEIGHT = Option.number(
                    "ssl-weight", 0.5, "Its weight in the first experience.", MlkdOptions::sslWeight)
            .when(options -> options.ssl != Ssl.NONE, "ssl = rotation or another one");
    private static final Option<MlkdOptions, Double> SSL_DECAY = Option.number(
                    "ssl-decay",
                    0.95,
                    "Factor of its weight after every experience; 1: a constant weight.",
                    MlkdOptions::sslDecay)
            .when(options -> options.ssl != Ssl.NONE, "ssl = rotation or another one");
    private static final Option<MlkdOptions, Integer> TEACHERS = Option.integer(
            "teachers",
            3,
            "Earlier models that teach at most, the newest among them; 0: no distillation.",
            MlkdOptions::teachers);
    private static final Option<MlkdOptions, Double> EMA = Option.number(
                    "ema",
                    0.996,
                    "Share that a teacher keeps of itself at every step while it follows the student; 1: it stays as"
                            + " it was.",
                    MlkdOptions::ema)
            .when(options -> options.teachers > 0, "teachers = 1 or more");
    private static final Option<MlkdOptions, Double> FEATURE_WEIGHT = Option.number(
                    "feature-weight",
                    0.002,
                    "Weight of feature distillation: this times (number of earlier experiences + feature-start); 0:"
                            + " none.",
                    MlkdOptions::featureWeight)
            .when(options -> options.teachers > 0, "teachers = 1 or more");
    private static final Option<MlkdOptions, Double> FEATURE_START = Option.number(
                    "feature-start",
                    1,
                    "What is added to the number of earlier experiences: 1 in the code, 0 in the paper.",
                    MlkdOptions::featureStart)
            .when(options -> options.teachers > 0, "teachers = 1 or more");
    private static final Option<MlkdOptions, Double> MARGIN_WEIGHT = Option.number(
            "margin-weight",
            0.01,
            "Weight of the constraints between current, earlier and unseen classes: 0.01 in the code, 0.1 in the"
                    + " paper.",
            MlkdOptions::marginWeight);
    private static final Option<MlkdOptions, Double> REPLAY_WEIGHT = Option.number(
                    "replay-weight", 0.4, "Weight of the replay of stored logits.", MlkdOptions::replayWeight)
            .when(options -> options.memory > 0, "memory = 1 or more");
    private static final Option<MlkdOptions, Double> RELATION_WEIGHT = Option.number(
                    "relation-weight", 0.1, "Weight of relation distillation; 0: none.", MlkdOptions::relationWeight)
            .when(options -> options.teachers > 0, "teachers = 1 or more");
    private static final Option<MlkdOptions, Relation> RELATION = Option.choice(
                    "relation",
                    Relation.class,
                    Relation.CODE,
                    "Relation distillation on softmaxes (code), or on Gram matrices of logits (paper).",
                    MlkdOptions::relation)
            .when(options -> options.teachers > 0 && options.relationWeight > 0, "relation-weight above 0");
    private static final Option<MlkdOptions, Integer> MEMORY = Option.integer(
            "memory",
            200,
            "Features of earlier images that are kept, with their logits and labels; no image is. At most 200; 0:"
                    + " none.",
            MlkdOptions::memory);
    private static final Option<MlkdOptions, Integer> MEMORY_BATCH = Option.integer(
                    "memory-batch", 10, "Features from memory per step.", MlkdOptions::memoryBatch)
            .when(options -> options.memory > 0, "memory = 1 or more");
    private static final Option<MlkdOptions, Integer> UNLABELLED_BATCH =
            Option.integer("unlabelled-batch", 100, "Unlabelled images per step.", MlkdOptions::unlabelledBatch);
    private static final Option<MlkdOptions, TeacherBatches> TEACHER_BATCHES = Option.choice(
                    "teacher-batches",
                    TeacherBatches.class,
                    TeacherBatches.SEPARATE,
                    "Whether a teacher normalises labelled and unlabelled images apart, as in the code, or in one"
                            + " batch.",
                    MlkdOptions::teacherBatches)
            .when(options -> options.teachers > 0, "teachers = 1 or more");
    private static final Option<MlkdOptions, Boolean> ENSEMBLE = Option.flag(
            "ensemble",
            false,
            "Classify by the mean of the network's logits and its newest teacher's, as in the paper.",
            MlkdOptions::ensemble);

    private static final List<Option<MlkdOptions, ?>> CONSTRAINED =
            List.of(MARGIN_WEIGHT, REPLAY_WEIGHT, MEMORY, MEMORY_BATCH);
    private static final List<Option<MlkdOptions, ?>> SELF_SUPERVISED = List.of(SSL, SSL_WEIGHT, SSL_DECAY);
    private static final List<Option<MlkdOptions, ?>> TAUGHT =
            List.of(TEACHERS, EMA, FEATURE_WEIGHT, FEATURE_START, RELATION_WEIGHT, RELATION, TEACHER_BATCHES, ENSEMBLE);

    /** Texts to values and back, of the whole method. */
    public static final OptionGroup<MlkdOptions> GROUP =
            group(MlkdOptions::of, List.of(CONSTRAINED, SELF_SUPERVISED, TAUGHT, List.of(UNLABELLED_BATCH)));

    /** Of the method with neither self-supervision nor distillation. */
    static final OptionGroup<MlkdOptions> BASELINE =
            group(values -> of(values).untaught().unsupervised(), List.of(CONSTRAINED));

    /** Of the method with self-supervision alone. */
    static final OptionGroup<MlkdOptions> SSL_ALONE =
            group(values -> of(values).untaught(), List.of(CONSTRAINED, SELF_SUPERVISED, List.of(UNLABELLED_BATCH)));

    /** Of the method with distillation alone. */
    static final OptionGroup<MlkdOptions> MLKD_ALONE =
            group(values -> of(values).unsupervised(), List.of(CONSTRAINED, TAUGHT, List.of(UNLABELLED_BATCH)));

    /** As in the published code. */
    public static final MlkdOptions DEFAULT = GROUP.of(Map.of());

    /** What {@code code} and {@code paper} set where they differ, by option name. */
    static final Map<String, Map<String, String>> PRESETS = Map.of(
            "code", Map.of("feature-start", "1", "margin-weight", "0.01", "relation", "code", "ensemble", "false"),
            "paper", Map.of("feature-start", "0", "margin-weight", "0.1", "relation", "paper", "ensemble", "true"));

    private static OptionGroup<MlkdOptions> group(
            Function<Values, MlkdOptions> make, List<List<Option<MlkdOptions, ?>>> parts) {
        return new OptionGroup<>(parts.stream().flatMap(List::stream).toList(), make);
    }

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence naming the option and what was expected
     */
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

    private static MlkdOptions of(Values values) {
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
     * These options with other teachers.
     *
     * @param most earlier models that teach at most; 0: no distillation
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the number cannot be
     */
    public MlkdOptions withTeachers(int most) {
        return GROUP.with(this, TEACHERS, most);
    }

    /**
     * These options with another self-supervised loss.
     *
     * @param loss on unlabelled images
     * @return changed options
     */
    public MlkdOptions withSelfSupervision(Ssl loss) {
        return GROUP.with(this, SSL, loss);
    }

    private MlkdOptions untaught() {
        return GROUP.with(GROUP.with(this, ENSEMBLE, false), TEACHERS, 0);
    }

    private MlkdOptions unsupervised() {
        return withSelfSupervision(Ssl.NONE);
    }

    /**
     * α: the weight of the self-supervised loss.
     *
     * @param experience counted from 0
     * @return at least 0
     */
    double alpha(int experience) {
        return ssl == Ssl.NONE ? 0 : sslWeight * Math.pow(sslDecay, experience);
    }

    /**
     * β: the weight of feature distillation.
     *
     * @param experience counted from 0
     * @return at least 0
     */
    double beta(int experience) {
        return featureWeight * (experience + featureStart);
    }
}
