package dev.palimpsest.method;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.Option.MemorySize;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.snapshot.Owners;
import dev.palimpsest.snapshot.PruningPlan;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Method.Phase;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * M2KD, multi-model and multi-level knowledge distillation (Zhou et al., arXiv 1904.01769): every earlier snapshot
 * teaches, through the logits of its own classes, through auxiliary heads, and if asked through features; the
 * snapshots live inside the network's own weights and are rebuilt by their owner masks (PackNet, Mallya and Lazebnik
 * 2018). With e the experience, C_i the classes of experience i:
 *
 * <pre>
 *   L = CE
 *     + λ  mean_{i&lt;e} T² KL( softmax(z_i[C_i]/T) ‖ softmax(z[C_i]/T) )             multi-model
 *     + λa mean_{i&lt;e} Σ_l T² KL( softmax(a_{i,l}[C_i]/T) ‖ softmax(a_l[C_i]/T) )   multi-level, auxiliary heads
 *     + λf mean_{i&lt;e} Σ_l ‖f_l − f_{i,l}‖²                                         multi-level, features
 * </pre>
 *
 * After training, the smallest weights that this experience trained are released, the rest are retrained, and the
 * running statistics of batch norm are gathered anew from what is left. The paper's abstract leaves open the mean over
 * snapshots, the form of CE, the planned fractions and λf: these choices are ours, and options. Not verified against
 * published numbers.
 */
public final class M2kd implements Method {
    private static final String NAME = "m2kd";
    /** What the names of tensors in checkpoints begin with. */
    private static final String OWNERS = "owners.";

    /** What snapshot i teaches. */
    public enum Groups {
        /** Its own classes. */
        OWN,
        /** All that it had seen. */
        CUMULATIVE
    }

    /** How the distillation terms of several snapshots are joined. */
    public enum OverSnapshots {
        /** Their mean. */
        MEAN,
        /** Their sum, which drowns the new classes where there are many. */
        SUM
    }

    /**
     * The loss and the pruning.
     *
     * @param temperature T
     * @param lambda λ, weight of the distillation of logits
     * @param lambdaAuxiliary λa, weight of the distillation through auxiliary heads
     * @param lambdaFeature λf, weight of the squared distance of pooled features
     * @param groups what a snapshot teaches
     * @param overSnapshots how the terms of several snapshots are joined
     * @param crossEntropy form of CE
     * @param prune whether snapshots live in one set of weights; otherwise they are full copies
     * @param fraction share of a step's weights that pruning releases; empty: planned so that every experience owns an
     *     equal share, or half of what is left where nobody knows how many will come
     * @param reservedShare share of all weights that a plan leaves to the last experience at least: with a tenth of
     *     the network it learns its classes worse than with all of it
     * @param pruneRounds rounds in which they are released, with retraining between: seven tenths of them
     *     in the first of three
     * @param copiedShare share of all weights that the smallest tensors may have together to be copied for every
     *     snapshot: a tenth of a stem or a shortcut is too little for anybody
     * @param retrainEpochs passes after the last round, with the released weights held at zero; between rounds so many
     *     too, but at most one; half a pass is 0.5
     * @param retrainLearningRateFactor the learning rate of retraining is multiplied by this: a tenth mends too little
     *     of what pruning broke
     * @param teacherMemory most that compiled teachers and their kept outputs may take; results do not depend on it
     */
    public record Options(
            double temperature,
            double lambda,
            double lambdaAuxiliary,
            double lambdaFeature,
            Groups groups,
            OverSnapshots overSnapshots,
            CrossEntropy.Form crossEntropy,
            boolean prune,
            OptionalDouble fraction,
            double reservedShare,
            int pruneRounds,
            double copiedShare,
            double retrainEpochs,
            double retrainLearningRateFactor,
            MemorySize teacherMemory) {
        private static final Option<Options, Double> TEMPERATURE =
                Option.number("temperature", 2, "Temperature of the distillation.", Options::temperature);
        private static final Option<Options, Double> LAMBDA =
                Option.number("lambda", 1, "Weight of the distillation of logits.", Options::lambda);
        private static final Option<Options, Double> LAMBDA_AUXILIARY = Option.number(
                "lambda-auxiliary", 1, "Weight of the distillation through auxiliary heads.", Options::lambdaAuxiliary);
        private static final Option<Options, Double> LAMBDA_FEATURE = Option.number(
                "lambda-feature",
                0,
                "Weight of the squared distance of pooled features; without exemplars 0.05 helps on glyphs, 0.002 on"
                        + " digits.",
                Options::lambdaFeature);
        private static final Option<Options, Groups> GROUPS = Option.choice(
                "groups",
                Groups.class,
                Groups.OWN,
                "What snapshot i teaches: its own classes, or all it had seen.",
                Options::groups);
        private static final Option<Options, OverSnapshots> OVER_SNAPSHOTS = Option.choice(
                "over-snapshots",
                OverSnapshots.class,
                OverSnapshots.MEAN,
                "How the terms of several snapshots are joined; a sum over many drowns the new classes.",
                Options::overSnapshots);
        private static final Option<Options, CrossEntropy.Form> CROSS_ENTROPY =
                Classification.option(Options::crossEntropy);
        private static final Option<Options, Boolean> PRUNE = Option.flag(
                "prune",
                true,
                "Prune after each experience, so that all snapshots live in one set of weights.",
                Options::prune);
        private static final Option<Options, OptionalDouble> FRACTION = new Option<>(
                        "fraction",
                        "planned|X",
                        Option.PLANNED,
                        "Share of a step's weights that pruning releases, or planned: equal shares of weights, but"
                                + " for what is reserved.",
                        Options::parseFraction,
                        Options::fraction)
                .when(Options::prune, "prune = true");
        private static final Option<Options, Double> RESERVED_SHARE = Option.number(
                        "reserved-share",
                        0.3,
                        "Share of all weights that the plan leaves to the last experience at least; those before it"
                                + " have equal shares of the rest.",
                        Options::reservedShare)
                .when(options -> options.prune && options.fraction.isEmpty(), "fraction = planned");
        private static final Option<Options, Integer> PRUNE_ROUNDS = Option.integer(
                        "prune-rounds",
                        3,
                        "Rounds in which weights are released, with retraining between.",
                        Options::pruneRounds)
                .when(Options::prune, "prune = true");
        private static final Option<Options, Double> COPIED_SHARE = Option.number(
                        "copied-share",
                        0.05,
                        "Share of all weights that the smallest tensors may have together for every snapshot to have"
                                + " a copy of them; 0: none is copied.",
                        Options::copiedShare)
                .when(Options::prune, "prune = true");
        private static final Option<Options, Double> RETRAIN_EPOCHS = Option.number(
                        "retrain-epochs",
                        2,
                        "Passes after the last round, with the released weights held at zero, such as 0.5; 0: none at"
                                + " all. Between rounds it is so many too, but at most one.",
                        Options::retrainEpochs)
                .when(Options::prune, "prune = true");
        private static final Option<Options, Double> RETRAIN_FACTOR = Option.number(
                        "retrain-learning-rate-factor",
                        0.5,
                        "Multiplies the learning rate of retraining after pruning.",
                        Options::retrainLearningRateFactor)
                .when(options -> options.prune && options.retrainEpochs > 0, "retrain-epochs above 0");
        private static final Option<Options, MemorySize> TEACHER_MEMORY = TeacherMemory.option(Options::teacherMemory);

        /** Texts to values and back. */
        public static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(
                        TEMPERATURE,
                        LAMBDA,
                        LAMBDA_AUXILIARY,
                        LAMBDA_FEATURE,
                        GROUPS,
                        OVER_SNAPSHOTS,
                        CROSS_ENTROPY,
                        PRUNE,
                        FRACTION,
                        RESERVED_SHARE,
                        PRUNE_ROUNDS,
                        COPIED_SHARE,
                        RETRAIN_EPOCHS,
                        RETRAIN_FACTOR,
                        TEACHER_MEMORY),
                values -> new Options(
                        values.get(TEMPERATURE),
                        values.get(LAMBDA),
                        values.get(LAMBDA_AUXILIARY),
                        values.get(LAMBDA_FEATURE),
                        values.get(GROUPS),
                        values.get(OVER_SNAPSHOTS),
                        values.get(CROSS_ENTROPY),
                        values.get(PRUNE),
                        values.get(FRACTION),
                        values.get(RESERVED_SHARE),
                        values.get(PRUNE_ROUNDS),
                        values.get(COPIED_SHARE),
                        values.get(RETRAIN_EPOCHS),
                        values.get(RETRAIN_FACTOR),
                        values.get(TEACHER_MEMORY)));

        /** T = 2, λ = λa = 1, no features, own groups, pruned by plan. */
        public static final Options DEFAULT = GROUP.of(Map.of());

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        public Options {
            Check.temperature(temperature);
            Check.notNegative("lambda", lambda);
            Check.notNegative("lambda-auxiliary", lambdaAuxiliary);
            Check.notNegative("lambda-feature", lambdaFeature);
            fraction.ifPresent(share ->
                    Check.that(share > 0 && share < 1, "fraction", share, "planned, or a share above 0 and below 1"));
            Check.that(
                    reservedShare >= 0 && reservedShare < 1, "reserved-share", reservedShare, "at least 0 and below 1");
            Check.atLeast("prune-rounds", pruneRounds, 1);
            Check.that(copiedShare >= 0 && copiedShare < 1, "copied-share", copiedShare, "at least 0 and below 1");
            Check.notNegative("retrain-epochs", retrainEpochs);
            Check.positive("retrain-learning-rate-factor", retrainLearningRateFactor);
        }

        private static OptionalDouble parseFraction(String text) {
            if (text.equals(Option.PLANNED)) {
                return OptionalDouble.empty();
            }
            try {
                return OptionalDouble.of(Option.parseDouble("fraction", text));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "fraction = " + text + ": expected planned, or a share above 0 and below 1", e);
            }
        }

        /**
         * These options with other groups.
         *
         * @param taught by a snapshot
         * @return changed options
         */
        public Options withGroups(Groups taught) {
            return GROUP.with(this, GROUPS, taught);
        }

        /**
         * These options with another form of CE.
         *
         * @param form of CE
         * @return changed options
         */
        public Options withCrossEntropy(CrossEntropy.Form form) {
            return GROUP.with(this, CROSS_ENTROPY, form);
        }

        /**
         * These options with other weights of the terms.
         *
         * @param logits λ
         * @param auxiliary λa
         * @param features λf
         * @return changed options
         * @throws IllegalArgumentException with a sentence, if one is negative
         */
        public Options withLambdas(double logits, double auxiliary, double features) {
            return GROUP.with(
                    GROUP.with(GROUP.with(this, LAMBDA, logits), LAMBDA_AUXILIARY, auxiliary),
                    LAMBDA_FEATURE,
                    features);
        }

        /**
         * These options with pruning or without.
         *
         * @param pruned whether snapshots live in one set of weights
         * @return changed options
         */
        public Options withPruning(boolean pruned) {
            return GROUP.with(this, PRUNE, pruned);
        }

        /**
         * These options with other retraining.
         *
         * @param epochs passes after pruning
         * @param learningRateFactor multiplies the learning rate
         * @return changed options
         * @throws IllegalArgumentException with a sentence, if a value cannot be
         */
        public Options withRetraining(double epochs, double learningRateFactor) {
            return GROUP.with(GROUP.with(this, RETRAIN_EPOCHS, epochs), RETRAIN_FACTOR, learningRateFactor);
        }
    }

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED = List.of(
            Registration.of(NAME, "distils from all earlier models at several levels", Options.GROUP, M2kd::new));

    private final Options options;
    private final Classification classification;
    private final List<ClassRange> groups = new ArrayList<>();
    /** Null unless weights are pruned. */
    private @Nullable Owners owners;
    /** Null unless weights are pruned. */
    private @Nullable PruningPlan plan;
    /** Null before the first experience. */
    private @Nullable Snapshots snapshots;
    /** Null in the first experience and between experiences. */
    private @Nullable Teaching teaching;

    /** Whether an experience has begun and not ended. */
    private boolean inside;

    /**
     * A new one, for one run.
     *
     * @param options of loss and pruning
     */
    public M2kd(Options options) {
        this.options = options;
        classification = new Classification(options.crossEntropy());
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public SequencedMap<String, String> options() {
        return Options.GROUP.texts(options);
    }

    @Override
    public boolean usesAuxiliaryHeads() {
        return true;
    }

    @Override
    public void check(List<Integer> newClasses, Settings settings) {
        Classification.check(options.crossEntropy(), newClasses, settings);
        int single = newClasses.subList(0, newClasses.size() - 1).indexOf(1);
        if (options.groups() == Groups.OWN && options.lambda() > 0 && options.lambdaFeature() == 0 && single >= 0) {
            throw new IllegalArgumentException("groups = own, and experience " + (single + 1)
                    + " brings one class: the distillation of a group of one class is always zero, so that group has"
                    + " no teacher; set groups = cumulative, or distil features with lambda-feature = 0.05");
        }
    }

    @Override
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
        inside = true;
        if (snapshots == null) {
            prepare(learner);
        }
        if (owners != null) {
            owners.claim(experience.index() + 1);
            learner.masks(owners::trainable);
        }
        if (!groups.isEmpty()) {
            teaching = new Teaching(learner, strength(), teachers(learner));
        }
        groups.add(group(experience));
    }

    private Teaching.Strength strength() {
        return new Teaching.Strength(
                options.temperature(),
                options.lambda(),
                options.lambdaAuxiliary(),
                options.lambdaFeature(),
                options.overSnapshots() == OverSnapshots.MEAN ? 1.0 / groups.size() : 1);
    }

    private List<Teacher> teachers(Learner learner) {
        TeacherMemory memory = new TeacherMemory(options.teacherMemory().bytes());
        List<Teacher> teachers = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            Weights weights = weights(i + 1);
            teachers.add(new Teacher(
                    memory, () -> new FrozenNetwork(learner.engine(), learner.network(), weights), groups.get(i)));
        }
        return teachers;
    }

    @Override
    public boolean resumes() {
        return true;
    }

    @Override
    public void resume(Learner learner, Experience last, Optional<Snapshots> kept) {
        snapshots = kept.orElseThrow(() -> new IllegalArgumentException("the checkpoint has no snapshots"));
        snapshots.owners().ifPresent(claimed -> {
            owners = claimed;
            plan = plan(learner.stream().length());
        });
        learner.stream().experiences().subList(0, last.index() + 1).forEach(past -> groups.add(group(past)));
    }

    /** Between experiences the snapshots have the owners. */
    @Override
    public void save(SafetensorsWriter to, String prefix) {
        if (owners != null && inside) {
            owners.save(to, prefix + OWNERS);
        }
    }

    @Override
    public void restore(Safetensors from, String prefix) {
        if (owners != null && inside) {
            owners.restore(from, prefix + OWNERS);
        }
    }

    private ClassRange group(Experience experience) {
        return options.groups() == Groups.OWN
                ? experience.classes()
                : new ClassRange(0, experience.classes().end());
    }

    private void prepare(Learner learner) {
        if (options.prune()) {
            PruningPlan shares = plan(learner.stream().length());
            Owners weights = new Owners(learner.network().parameters(), options.copiedShare());
            shares.requireEnoughWeights(weights);
            plan = shares;
            owners = weights;
            snapshots = Snapshots.packed(weights);
        } else {
            snapshots = Snapshots.copies();
        }
    }

    private PruningPlan plan(OptionalInt steps) {
        if (steps.isEmpty()) {
            return new PruningPlan.OpenEnded(options.fraction().orElse(0.5));
        }
        return options.fraction().isPresent()
                ? new PruningPlan.Fixed(options.fraction().getAsDouble(), steps.getAsInt())
                : new PruningPlan.EqualShares(steps.getAsInt(), options.reservedShare());
    }

    @Override
    public List<Phase> phases(Learner learner, Experience experience) {
        Phase train = Phase.train(learner, experience);
        if (fraction(experience) == 0) {
            return List.of(train);
        }
        List<Phase> phases = new ArrayList<>(List.of(train));
        for (int round = 1; round <= options.pruneRounds(); round++) {
            double left = 1 - (double) round / options.pruneRounds();
            double share = fraction(experience) * (1 - left * left * left); // most at first (Zhu and Gupta 2017)
            phases.add(new Phase(
                    "retrain",
                    round < options.pruneRounds() ? Math.min(1, options.retrainEpochs()) : options.retrainEpochs(),
                    options.retrainLearningRateFactor(),
                    () -> release(learner, experience, share)));
        }
        return phases;
    }

    private double fraction(Experience experience) {
        return plan == null ? 0 : plan.fraction(experience.index() + 1);
    }

    private void release(Learner learner, Experience experience, double share) {
        if (owners != null) {
            owners.release(experience.index() + 1, share);
            learner.masks(owners::trainable);
        }
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        if (teaching == null) {
            classification.add(pass, terms, null);
        } else {
            teaching.add(pass, terms, classification);
        }
    }

    @Override
    public void end(Learner learner, Experience experience) {
        if (options.prune()) {
            if (fraction(experience) == 0) {
                release(learner, experience, 0);
            } else {
                learner.renewNorms();
            }
            learner.network().renewEmptyChannels();
        }
        kept().add(learner.network().parameters(), learner.network().buffers());
        closeTeaching();
        inside = false;
    }

    @Override
    public Optional<Snapshots> snapshots() {
        return Optional.ofNullable(snapshots);
    }

    private Snapshots kept() {
        return Objects.requireNonNull(snapshots, "no experience has begun");
    }

    /** A snapshot as the weights of a frozen network. */
    Weights weights(int snapshot) {
        return kept().weights(snapshot);
    }

    /** Whom the weights belong to; null if they are not pruned. */
    @Nullable
    Owners owners() {
        return owners;
    }

    private void closeTeaching() {
        if (teaching != null) {
            teaching.close();
            teaching = null;
        }
    }

    @Override
    public void close() {
        closeTeaching();
        if (snapshots != null) {
            snapshots.close();
        }
    }
}
