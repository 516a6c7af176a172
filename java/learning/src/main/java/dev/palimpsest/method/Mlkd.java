package dev.palimpsest.method;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.OptionGroup.Values;
import dev.palimpsest.option.Registration;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Learner.UnlabelledBatches;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Pass.Part;
import dev.palimpsest.train.Pass.Span;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * MLKD and dynamic self-supervision (Kim et al., arXiv 2508.12692), for streams whose classes repeat and which bring
 * unlabelled images. With e the experience from 0, f features, z logits:
 *
 * <pre>
 *   L = (1 − 0.1α) CE_ace + η KL_der + γ (h_past + h_future) + β FKD_labelled
 *     + α SSL + [e ≥ 1] ( β FKD_unlabelled + δ Relation ),     α = 0.5·0.95^e,  β = 0.002 (e + 1)
 * </pre>
 *
 * CE_ace is over all classes; in a new row old classes that the batch lacks stand at −1e9, unseen ones at 1e-9. KL_der
 * holds the head to its logits for the features in memory when they were stored. h keeps the current classes above the
 * others. FKD is the squared distance to the features of the teacher that is most confident of the row, Relation keeps
 * how rows and classes relate. Feature distillation covers labelled images in experience 0 too, where the teacher is
 * the network as it started: as published.
 *
 * <p>Where the published code is followed: teachers normalise labelled, unlabelled augmented and unlabelled plain
 * images each by themselves (option {@code teacher-batches}); the newest one's logits, for the choice and for the
 * relation, are of the plain images. Ours: what goes to memory is the network's output with its running statistics
 * (the code has it in training mode), and memory is filled in random order. Not verified against published numbers.
 */
final class Mlkd implements Method {
    private static final String NAME = "mlkd";
    /** What the names of tensors in checkpoints begin with. */
    private static final String TEACHERS = "teachers.";

    private static final String MEMORY = "memory.";
    /** Name of the tensor of how many unlabelled batches were drawn. */
    private static final String UNLABELLED = "unlabelled";

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED = List.of(
            variant(NAME, "MLKD with self-supervision", Options.GROUP).withPresets(Options.PRESETS),
            variant("mlkd-baseline", "mlkd's cross-entropy, replay and constraints alone", Options.BASELINE),
            variant("mlkd-ssl-alone", "mlkd without distillation", Options.SSL_ALONE),
            variant("mlkd-alone", "mlkd without self-supervision", Options.MLKD_ALONE));

    private static Registration<Method> variant(String name, String description, OptionGroup<Options> group) {
        return Registration.of(name, description, group, options -> new Mlkd(name, options, group));
    }

    /** Rotation prediction, SimCLR, SimSiam, VICReg, or none. */
    enum Ssl {
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
    enum Relation {
        /** On softmaxes against their own transposes. */
        CODE,
        /** On Gram matrices of logits. */
        PAPER
    }

    /**
     * Whether a teacher normalises labelled and unlabelled images apart, as in the code, or in one batch, which is
     * fewer passes.
     */
    enum TeacherBatches {
        /** Apart, as in the code. */
        SEPARATE,
        /** In one batch, which is fewer passes. */
        JOINED
    }

    /**
     * The method's options. Where paper and published code differ, the code's way is the default.
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
    record Options(
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
        private static final int MOST_ITEMS = 200;

        private static final Option<Options, Ssl> SSL = Option.choice(
                "ssl", Ssl.class, Ssl.ROTATION, "Self-supervised loss on unlabelled images.", Options::ssl);
        private static final Option<Options, Double> SSL_WEIGHT = Option.number(
                        "ssl-weight", 0.5, "Its weight in the first experience.", Options::sslWeight)
                .when(options -> options.ssl != Ssl.NONE, "ssl = rotation or another one");
        private static final Option<Options, Double> SSL_DECAY = Option.number(
                        "ssl-decay",
                        0.95,
                        "Factor of its weight after every experience; 1: a constant weight.",
                        Options::sslDecay)
                .when(options -> options.ssl != Ssl.NONE, "ssl = rotation or another one");
        private static final Option<Options, Integer> TEACHERS = Option.integer(
                "teachers",
                3,
                "Earlier models that teach at most, the newest among them; 0: no distillation.",
                Options::teachers);
        private static final Option<Options, Double> EMA = Option.number(
                        "ema",
                        0.996,
                        "Share that a teacher keeps of itself at every step while it follows the student; 1: it stays"
                                + " as it was.",
                        Options::ema)
                .when(options -> options.teachers > 0, "teachers = 1 or more");
        private static final Option<Options, Double> FEATURE_WEIGHT = Option.number(
                        "feature-weight",
                        0.002,
                        "Weight of feature distillation: this times (number of earlier experiences + feature-start); 0:"
                                + " none.",
                        Options::featureWeight)
                .when(options -> options.teachers > 0, "teachers = 1 or more");
        private static final Option<Options, Double> FEATURE_START = Option.number(
                        "feature-start",
                        1,
                        "What is added to the number of earlier experiences: 1 in the code, 0 in the paper.",
                        Options::featureStart)
                .when(options -> options.teachers > 0, "teachers = 1 or more");
        private static final Option<Options, Double> MARGIN_WEIGHT = Option.number(
                "margin-weight",
                0.01,
                "Weight of the constraints between current, earlier and unseen classes: 0.01 in the code, 0.1 in the"
                        + " paper.",
                Options::marginWeight);
        private static final Option<Options, Double> REPLAY_WEIGHT = Option.number(
                        "replay-weight", 0.4, "Weight of the replay of stored logits.", Options::replayWeight)
                .when(options -> options.memory > 0, "memory = 1 or more");
        private static final Option<Options, Double> RELATION_WEIGHT = Option.number(
                        "relation-weight", 0.1, "Weight of relation distillation; 0: none.", Options::relationWeight)
                .when(options -> options.teachers > 0, "teachers = 1 or more");
        private static final Option<Options, Relation> RELATION = Option.choice(
                        "relation",
                        Relation.class,
                        Relation.CODE,
                        "Relation distillation on softmaxes (code), or on Gram matrices of logits (paper).",
                        Options::relation)
                .when(options -> options.teachers > 0 && options.relationWeight > 0, "relation-weight above 0");
        private static final Option<Options, Integer> MEMORY = Option.integer(
                "memory",
                200,
                "Features of earlier images that are kept, with their logits and labels; no image is. At most 200; 0:"
                        + " none.",
                Options::memory);
        private static final Option<Options, Integer> MEMORY_BATCH = Option.integer(
                        "memory-batch", 10, "Features from memory per step.", Options::memoryBatch)
                .when(options -> options.memory > 0, "memory = 1 or more");
        private static final Option<Options, Integer> UNLABELLED_BATCH =
                Option.integer("unlabelled-batch", 100, "Unlabelled images per step.", Options::unlabelledBatch);
        private static final Option<Options, TeacherBatches> TEACHER_BATCHES = Option.choice(
                        "teacher-batches",
                        TeacherBatches.class,
                        TeacherBatches.SEPARATE,
                        "Whether a teacher normalises labelled and unlabelled images apart, as in the code, or in one"
                                + " batch.",
                        Options::teacherBatches)
                .when(options -> options.teachers > 0, "teachers = 1 or more");
        private static final Option<Options, Boolean> ENSEMBLE = Option.flag(
                "ensemble",
                false,
                "Classify by the mean of the network's logits and its newest teacher's, as in the paper.",
                Options::ensemble);

        private static final List<Option<Options, ?>> CONSTRAINED =
                List.of(MARGIN_WEIGHT, REPLAY_WEIGHT, MEMORY, MEMORY_BATCH);
        private static final List<Option<Options, ?>> SELF_SUPERVISED = List.of(SSL, SSL_WEIGHT, SSL_DECAY);
        private static final List<Option<Options, ?>> TAUGHT = List.of(
                TEACHERS, EMA, FEATURE_WEIGHT, FEATURE_START, RELATION_WEIGHT, RELATION, TEACHER_BATCHES, ENSEMBLE);

        /** Texts to values and back, of the whole method. */
        static final OptionGroup<Options> GROUP =
                group(Options::of, List.of(CONSTRAINED, SELF_SUPERVISED, TAUGHT, List.of(UNLABELLED_BATCH)));

        /** Of the method with neither self-supervision nor distillation. */
        static final OptionGroup<Options> BASELINE =
                group(values -> of(values).untaught().unsupervised(), List.of(CONSTRAINED));

        /** Of the method with self-supervision alone. */
        static final OptionGroup<Options> SSL_ALONE = group(
                values -> of(values).untaught(), List.of(CONSTRAINED, SELF_SUPERVISED, List.of(UNLABELLED_BATCH)));

        /** Of the method with distillation alone. */
        static final OptionGroup<Options> MLKD_ALONE =
                group(values -> of(values).unsupervised(), List.of(CONSTRAINED, TAUGHT, List.of(UNLABELLED_BATCH)));

        /** As in the published code. */
        static final Options DEFAULT = GROUP.of(Map.of());

        /** What {@code code} and {@code paper} set where they differ, by option name. */
        static final Map<String, Map<String, String>> PRESETS = Map.of(
                "code", Map.of("feature-start", "1", "margin-weight", "0.01", "relation", "code", "ensemble", "false"),
                "paper", Map.of("feature-start", "0", "margin-weight", "0.1", "relation", "paper", "ensemble", "true"));

        private static OptionGroup<Options> group(
                Function<Values, Options> make, List<List<Option<Options, ?>>> parts) {
            return new OptionGroup<>(parts.stream().flatMap(List::stream).toList(), make);
        }

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        public Options {
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

        private static Options of(Values values) {
            return new Options(
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

        private Options untaught() {
            return GROUP.with(GROUP.with(this, ENSEMBLE, false), TEACHERS, 0);
        }

        private Options unsupervised() {
            return GROUP.with(this, SSL, Ssl.NONE);
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

    private final String name;
    private final Options options;
    private final OptionGroup<Options> group;
    private final Arena arena = Arena.ofShared();

    @SuppressWarnings("NullAway.Init") // set by begin, which comes first
    private Learner learner;

    @SuppressWarnings("NullAway.Init") // set by begin, which comes first
    private Experience experience;

    /** Null where nothing teaches. */
    private @Nullable MlkdTeachers teachers;
    /** Null where no feature is kept. */
    private @Nullable FeatureMemory memory;
    /** Null where it is off. */
    private @Nullable SelfSupervision self;
    /** Null where nothing is learnt from them. */
    private @Nullable UnlabelledBatches unlabelled;

    /** Null between experiences. */
    private @Nullable MlkdLoss loss;

    private Mlkd(String name, Options options, OptionGroup<Options> group) {
        this.name = name;
        this.options = options;
        this.group = group;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SequencedMap<String, String> options() {
        return group.texts(options);
    }

    @Override
    public Settings settle(Settings asked) {
        return asked.withoutExemplars();
    }

    @Override
    public boolean repeats() {
        return true;
    }

    @Override
    public int classes(Stream stream, Experience next) {
        return stream.classes();
    }

    @Override
    public boolean resumes() {
        return true;
    }

    @Override
    public void resume(Learner now, Experience last, Optional<Snapshots> snapshots) {
        prepare(now);
        experience = last;
    }

    @Override
    public void save(SafetensorsWriter to, String prefix) {
        if (teachers != null) {
            teachers.save(to, prefix + TEACHERS);
        }
        if (memory != null) {
            memory.save(to, prefix + MEMORY);
        }
        if (self != null) {
            self.save(to, prefix);
        }
        if (unlabelled != null) {
            to.add(prefix + UNLABELLED, Shape.of(1), new int[] {unlabelled.drawn()});
        }
    }

    @Override
    public void restore(Safetensors from, String prefix) {
        if (teachers != null) {
            teachers.restore(from, prefix + TEACHERS);
        }
        if (memory != null) {
            memory.restore(from, prefix + MEMORY);
        }
        if (self != null) {
            self.restore(from, prefix);
        }
        if (unlabelled != null) {
            unlabelled.goOnAfter(from.ints(prefix + UNLABELLED)[0]);
        }
    }

    @Override
    public void begin(Learner now, Experience next) {
        prepare(now);
        experience = next;
        closeExperience();
        if (teachers != null) {
            teachers.begin(next.index());
        }
        loss = new MlkdLoss(
                now.engine(),
                options,
                next.index(),
                next.classes().begin(),
                next.present(),
                next.classes().end(),
                now.network().classes(),
                teachers == null ? 0 : teachers.count(),
                Math.max(now.settings().training().batch(), options.unlabelledBatch()),
                dims());
        if (self != null || distilsUnlabelled()) {
            unlabelled = now.unlabelled(next, options.unlabelledBatch());
        }
    }

    private void prepare(Learner now) {
        if (learner != null) {
            return;
        }
        learner = now;
        Network network = learner.network();
        if (options.teachers() > 0) {
            teachers =
                    new MlkdTeachers(learner.engine(), network, options.teachers(), options.ema(), learner.networks());
        }
        if (options.memory() > 0) {
            memory = new FeatureMemory(options.memory(), dims(), network.classes(), learner.seed());
        }
        if (options.ssl() != Ssl.NONE) {
            self = new SelfSupervision(learner.engine(), options.ssl(), network.image(), dims(), arena, learner.seed());
        }
    }

    private int dims() {
        return learner.network().classifier().weight().shape().extent(1);
    }

    private boolean distilsUnlabelled() {
        return teachers != null
                && experience.index() > 0
                && (options.beta(experience.index()) > 0 || options.relationWeight() > 0);
    }

    @Override
    public List<Parameter> parameters() {
        return self == null ? List.of() : self.parameters();
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        MlkdLoss now = Objects.requireNonNull(loss, "a batch outside of an experience");
        now.labels(pass.tape(), terms, pass.outputs().logits(), pass.batch().labels(), replay(pass));
        Batch batch = null;
        if (unlabelled != null) {
            try (Span _ = pass.at(Part.DATA)) {
                batch = unlabelled.next();
            }
        }
        if (self != null && batch != null) {
            now.selfSupervised(
                    terms,
                    self.term(
                            pass.tape(),
                            batch,
                            learner.network().image(),
                            images -> pass.student(images).feature()));
        }
        if (teachers != null && batch != null && distilsUnlabelled()) {
            distil(pass, terms, now, teachers, batch);
        } else if (teachers != null) {
            distil(pass, terms, now, teachers);
        }
    }

    private static void distil(Pass pass, Terms terms, MlkdLoss now, MlkdTeachers from) {
        List<Outputs<Tensor>> taught;
        try (Span _ = pass.at(Part.TEACHERS)) {
            taught = from.outputs(pass);
        }
        labelled(pass, terms, now, taught);
    }

    private void distil(Pass pass, Terms terms, MlkdLoss now, MlkdTeachers from, Batch batch) {
        Tensor strong = pass.tensor(batch.rows(), batch.view(UnlabelledBatches.STRONG));
        MlkdTeachers.OfBatches taught;
        try (Span _ = pass.at(Part.TEACHERS)) {
            Tensor weak = pass.own(pass.tensor(batch.rows(), batch.view(UnlabelledBatches.WEAK)));
            taught = from.outputs(pass, strong, weak, options.teacherBatches() == TeacherBatches.JOINED);
        }
        labelled(pass, terms, now, taught.labelled());
        Outputs<Variable> outputs = pass.student(pass.tape().input(strong));
        now.unlabelled(
                pass.tape(), terms, outputs.logits(), outputs.feature(), taught(taught.confident(), taught.strong()));
    }

    private static void labelled(Pass pass, Terms terms, MlkdLoss now, List<Outputs<Tensor>> taught) {
        now.labelled(pass.tape(), terms, pass.outputs().feature(), pass.batch().labels(), taught(taught, taught));
    }

    private static MlkdLoss.Taught taught(List<Outputs<Tensor>> confident, List<Outputs<Tensor>> features) {
        return new MlkdLoss.Taught(
                confident.stream().map(Outputs::logits).toList(),
                features.stream().map(Outputs::feature).toList());
    }

    /** Null while there is none. */
    private MlkdLoss.@Nullable Replay replay(Pass pass) {
        if (memory == null || memory.size() == 0) {
            return null;
        }
        return memory.replay(pass, learner.network().classifier(), options.memoryBatch());
    }

    @Override
    public void stepped() {
        if (teachers != null) {
            teachers.follow();
        }
    }

    @Override
    public void end(Learner now, Experience over) {
        closeExperience();
        FeatureMemory features = memory;
        if (features == null) {
            return;
        }
        int[] images = over.train().clone();
        SplitMix64.of(learner.seed(), over.index()).shuffle(images);
        try (FrozenNetwork frozen = now.freeze()) {
            features.fill(now, frozen, images, over.classes().end());
        }
    }

    /** The network as it started the first experience knows nothing to add. */
    @Override
    public List<FrozenNetwork> companions() {
        return teachers != null && options.ensemble() && experience.index() > 0
                ? List.of(teachers.freezeNewest())
                : List.of();
    }

    private void closeExperience() {
        if (loss != null) {
            loss.close();
            loss = null;
        }
        if (unlabelled != null) {
            unlabelled.close();
            unlabelled = null;
        }
    }

    @Override
    public long memoryBytes() {
        return (memory == null ? 0 : memory.bytes()) + (teachers == null ? 0 : teachers.bytes());
    }

    @Override
    public void close() {
        closeExperience();
        if (teachers != null) {
            teachers.close();
        }
        arena.close();
    }
}
