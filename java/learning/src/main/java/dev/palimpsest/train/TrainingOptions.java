package dev.palimpsest.train;

import dev.palimpsest.internal.Given;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import java.util.List;
import java.util.Map;

/**
 * Epochs, batches and how weights move. Immutable.
 *
 * @param epochs passes over the first experience's images
 * @param epochsFall passes fewer in every further experience
 * @param fewestEpochs where that ends
 * @param keepOptimiser whether momentum and the like stay from one phase of training to the next
 * @param batch images per step, exemplars included
 * @param algorithm the update rule
 * @param learningRate at the start of a phase
 * @param laterLearningRateFactor the learning rate of every experience but the first is multiplied by this
 * @param momentum of SGD, at least 0 and below 1
 * @param nesterov whether SGD takes Nesterov's form of the momentum
 * @param weightDecay L2 penalty, added to the gradient
 * @param schedule how the learning rate falls within a phase
 * @param milestones epochs at which the step schedule multiplies the learning rate by {@code decay}
 * @param decay factor of the step schedule, above 0 and at most 1
 * @param clip largest norm of the whole gradient; 0: not clipped
 * @param freezeNorm whether batch-norm statistics stay as the first experience left them
 */
public record TrainingOptions(
        int epochs,
        double epochsFall,
        int fewestEpochs,
        boolean keepOptimiser,
        int batch,
        Algorithm algorithm,
        double learningRate,
        double laterLearningRateFactor,
        double momentum,
        boolean nesterov,
        double weightDecay,
        ScheduleKind schedule,
        List<Integer> milestones,
        double decay,
        double clip,
        boolean freezeNorm) {
    /** The update rule. */
    public enum Algorithm {
        /** Stochastic gradient descent, with momentum. */
        SGD,
        /** Adam with PyTorch's betas and epsilon. */
        ADAM
    }

    /** How the learning rate falls within a phase. */
    public enum ScheduleKind {
        /** Half a cosine, from the learning rate to zero. */
        COSINE,
        /** Multiplied by the decay at every milestone. */
        STEP,
        /** The same throughout. */
        CONSTANT
    }

    private static final Option<TrainingOptions, Integer> EPOCHS =
            Option.integer("epochs", 20, "Passes over an experience's images.", TrainingOptions::epochs);
    private static final Option<TrainingOptions, Double> EPOCHS_FALL =
            Option.number("epochs-fall", 0, "Passes fewer in every further experience.", TrainingOptions::epochsFall);
    private static final Option<TrainingOptions, Integer> FEWEST_EPOCHS = Option.integer(
                    "fewest-epochs", 1, "Where epochs-fall ends.", TrainingOptions::fewestEpochs)
            .when(options -> options.epochsFall > 0, "epochs-fall above 0");
    private static final Option<TrainingOptions, Boolean> KEEP = Option.flag(
            "keep-optimiser",
            false,
            "Keep momentum and the like from one experience to the next, instead of starting anew.",
            TrainingOptions::keepOptimiser);
    private static final Option<TrainingOptions, Integer> BATCH = Option.integer(
            "batch", 32, "Images per step; with exemplars half of them come from memory.", TrainingOptions::batch);
    private static final Option<TrainingOptions, Algorithm> OPTIMISER =
            Option.choice("optimiser", Algorithm.class, Algorithm.SGD, "Update rule.", TrainingOptions::algorithm);
    private static final Option<TrainingOptions, Double> LEARNING_RATE = Option.number(
            "learning-rate", 0.1, "Learning rate at the start of a phase.", TrainingOptions::learningRate);
    private static final Option<TrainingOptions, Double> LATER_FACTOR = Option.number(
            "later-learning-rate-factor",
            1,
            "Multiplies the learning rate of every experience but the first.",
            TrainingOptions::laterLearningRateFactor);
    private static final Option<TrainingOptions, Double> MOMENTUM = Option.number(
                    "momentum", 0.9, "Momentum of sgd.", TrainingOptions::momentum)
            .when(options -> options.algorithm == Algorithm.SGD, "optimiser = sgd");
    private static final Option<TrainingOptions, Boolean> NESTEROV = Option.flag(
                    "nesterov", false, "Nesterov's form of the momentum.", TrainingOptions::nesterov)
            .when(options -> options.algorithm == Algorithm.SGD, "optimiser = sgd");
    private static final Option<TrainingOptions, Double> WEIGHT_DECAY =
            Option.number("weight-decay", 5e-4, "L2 penalty, added to the gradient.", TrainingOptions::weightDecay);
    private static final Option<TrainingOptions, ScheduleKind> SCHEDULE = Option.choice(
            "schedule",
            ScheduleKind.class,
            ScheduleKind.COSINE,
            "How the learning rate falls within a phase.",
            TrainingOptions::schedule);
    private static final Option<TrainingOptions, List<Integer>> MILESTONES = Option.integers(
                    "milestones",
                    "N,N…",
                    "",
                    "Epochs at which the step schedule multiplies the learning rate by the decay.",
                    TrainingOptions::milestones)
            .when(options -> options.schedule == ScheduleKind.STEP, "schedule = step");
    private static final Option<TrainingOptions, Double> DECAY = Option.number(
                    "decay", 0.2, "Factor of the step schedule.", TrainingOptions::decay)
            .when(options -> options.schedule == ScheduleKind.STEP, "schedule = step");
    private static final Option<TrainingOptions, Double> CLIP =
            Option.number("clip", 0, "Largest norm of the whole gradient; 0: not clipped.", TrainingOptions::clip);
    private static final Option<TrainingOptions, Boolean> FREEZE_NORM = Option.flag(
            "freeze-norm",
            false,
            "Keep batch-norm statistics as the first experience left them; helps without exemplars.",
            TrainingOptions::freezeNorm);

    /** Reads the options from texts, and writes them as texts. */
    public static final OptionGroup<TrainingOptions> GROUP = new OptionGroup<>(
            List.of(
                    EPOCHS,
                    EPOCHS_FALL,
                    FEWEST_EPOCHS,
                    KEEP,
                    BATCH,
                    OPTIMISER,
                    LEARNING_RATE,
                    LATER_FACTOR,
                    MOMENTUM,
                    NESTEROV,
                    WEIGHT_DECAY,
                    SCHEDULE,
                    MILESTONES,
                    DECAY,
                    CLIP,
                    FREEZE_NORM),
            values -> new TrainingOptions(
                    values.get(EPOCHS),
                    values.get(EPOCHS_FALL),
                    values.get(FEWEST_EPOCHS),
                    values.get(KEEP),
                    values.get(BATCH),
                    values.get(OPTIMISER),
                    values.get(LEARNING_RATE),
                    values.get(LATER_FACTOR),
                    values.get(MOMENTUM),
                    values.get(NESTEROV),
                    values.get(WEIGHT_DECAY),
                    values.get(SCHEDULE),
                    values.get(MILESTONES),
                    values.get(DECAY),
                    values.get(CLIP),
                    values.get(FREEZE_NORM)));

    /** 20 epochs of SGD with momentum at a learning rate of 0.1 that falls as a cosine, in batches of 32. */
    public static final TrainingOptions DEFAULT = GROUP.of(Map.of());

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence naming the option and what was expected
     */
    public TrainingOptions {
        milestones = Given.all(milestones, "milestone", "a number of epochs");
        Check.atLeast("epochs", epochs, 1);
        Check.notNegative("epochs-fall", epochsFall);
        Check.atLeast("fewest-epochs", fewestEpochs, 1);
        Check.atLeast("batch", batch, 1);
        Check.positive("learning-rate", learningRate);
        Check.positive("later-learning-rate-factor", laterLearningRateFactor);
        Check.that(momentum >= 0 && momentum < 1, "momentum", momentum, "at least 0 and below 1");
        Check.that(
                !nesterov || (momentum > 0 && algorithm == Algorithm.SGD),
                "nesterov",
                nesterov,
                "false unless sgd has a momentum above 0");
        Check.notNegative("weight-decay", weightDecay);
        Check.that(
                schedule != ScheduleKind.STEP || !milestones.isEmpty(),
                "milestones",
                milestones,
                "epochs such as 49,63 for the step schedule");
        for (int i = 0; i < milestones.size(); i++) {
            Check.that(
                    milestones.get(i) >= 1 && (i == 0 || milestones.get(i) > milestones.get(i - 1)),
                    "milestones",
                    milestones,
                    "epochs of at least 1 in ascending order");
        }
        Check.that(decay > 0 && decay <= 1, "decay", decay, "above 0 and at most 1");
        Check.notNegative("clip", clip);
    }

    /**
     * These options with another value.
     *
     * @param value passes over the images of an experience, at least 1
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withEpochs(int value) {
        return GROUP.with(this, EPOCHS, value);
    }

    /**
     * These options with another value.
     *
     * @param value images per step
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withBatch(int value) {
        return GROUP.with(this, BATCH, value);
    }

    /**
     * These options with another value.
     *
     * @param value the update rule
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withAlgorithm(Algorithm value) {
        return GROUP.with(this, OPTIMISER, value);
    }

    /**
     * These options with another value.
     *
     * @param value at the start of a phase
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withLearningRate(double value) {
        return GROUP.with(this, LEARNING_RATE, value);
    }

    /**
     * These options with another value.
     *
     * @param value of every experience but the first
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withLaterLearningRateFactor(double value) {
        return GROUP.with(this, LATER_FACTOR, value);
    }

    /**
     * These options with another value.
     *
     * @param value of SGD, at least 0 and below 1
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withMomentum(double value) {
        return GROUP.with(this, MOMENTUM, value);
    }

    /**
     * These options with another value.
     *
     * @param value L2 penalty, added to the gradient
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withWeightDecay(double value) {
        return GROUP.with(this, WEIGHT_DECAY, value);
    }

    /**
     * These options with another value.
     *
     * @param value how the learning rate falls within a phase
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withSchedule(ScheduleKind value) {
        return GROUP.with(this, SCHEDULE, value);
    }

    /**
     * These options with another value.
     *
     * @param value largest norm of the gradient; 0: not clipped
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withClip(double value) {
        return GROUP.with(this, CLIP, value);
    }

    /**
     * These options with another value.
     *
     * @param value whether statistics stay as the first experience left them
     * @return changed options
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public TrainingOptions withFreezeNorm(boolean value) {
        return GROUP.with(this, FREEZE_NORM, value);
    }

    /**
     * By what weights move.
     *
     * @return the rule with its numbers; Adam's betas and epsilon are PyTorch's defaults
     */
    public UpdateRule rule() {
        return switch (algorithm) {
            case SGD -> new UpdateRule.Sgd(momentum, nesterov, weightDecay);
            case ADAM -> new UpdateRule.Adam(weightDecay);
        };
    }

    /**
     * Passes over the images of an experience: epochs, falling to the fewest.
     *
     * @param experience counted from 0
     * @return at least 1
     */
    public int epochs(int experience) {
        return (int) Math.max(Math.min(epochs, fewestEpochs), Math.round(epochs - epochsFall * experience));
    }
}
