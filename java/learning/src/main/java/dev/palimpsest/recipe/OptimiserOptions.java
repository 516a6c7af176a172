package dev.palimpsest.recipe;

import dev.palimpsest.optim.UpdateRule;
import java.util.List;

/**
 * How weights move.
 *
 * @param epochs passes over the first experience's images
 * @param epochsFall passes fewer in every further experience
 * @param fewestEpochs where that ends
 * @param keep whether momentum and the like stay from one phase of training to the next
 * @param retrainEpochs passes after pruning, with the released weights held at zero
 * @param batch images a step, exemplars included
 * @param laterLearningRateFactor the learning rate of every experience but the first is multiplied by this
 * @param retrainLearningRateFactor the learning rate of retraining is multiplied by this: it mends what pruning broke,
 *     and would break more at the full rate
 * @param milestones epochs at which the step schedule multiplies the learning rate by {@code decay}
 * @param clip largest norm of the whole gradient; 0: not clipped
 */
public record OptimiserOptions(
        int epochs,
        double epochsFall,
        int fewestEpochs,
        boolean keep,
        int retrainEpochs,
        int batch,
        Algorithm algorithm,
        double learningRate,
        double laterLearningRateFactor,
        double retrainLearningRateFactor,
        double momentum,
        boolean nesterov,
        double weightDecay,
        ScheduleKind schedule,
        List<Integer> milestones,
        double decay,
        double clip) {
    /** The update rule. */
    public enum Algorithm {
        SGD,
        ADAM
    }

    /** How the learning rate falls within a phase. */
    public enum ScheduleKind {
        COSINE,
        STEP,
        CONSTANT
    }

    static final Option<Integer> EPOCHS = Option.integer(
            "epochs",
            20,
            "Passes over an experience's images.",
            r -> r.optimiser().epochs());
    static final Option<Double> EPOCHS_FALL = Option.number(
            "epochs-fall",
            0,
            "Passes fewer in every further experience.",
            r -> r.optimiser().epochsFall());
    static final Option<Integer> FEWEST_EPOCHS = Option.integer(
            "fewest-epochs", 1, "Where epochs-fall ends.", r -> r.optimiser().fewestEpochs());
    static final Option<Boolean> KEEP = Option.flag(
            "keep-optimiser",
            false,
            "Keep momentum and the like from one experience to the next, instead of starting anew.",
            r -> r.optimiser().keep());
    static final Option<Integer> RETRAIN_EPOCHS = Option.integer(
            "retrain-epochs",
            2,
            "Passes after pruning, with the released weights held at zero.",
            r -> r.optimiser().retrainEpochs());
    static final Option<Integer> BATCH = Option.integer(
            "batch",
            32,
            "Images a step; with exemplars half of them come from memory.",
            r -> r.optimiser().batch());
    static final Option<Algorithm> OPTIMISER = Option.choice(
            "optimiser",
            Algorithm.class,
            Algorithm.SGD,
            "Update rule.",
            r -> r.optimiser().algorithm());
    static final Option<Double> LEARNING_RATE = Option.number(
            "learning-rate",
            0.1,
            "Learning rate at the start of a phase.",
            r -> r.optimiser().learningRate());
    static final Option<Double> LATER_FACTOR = Option.number(
            "later-learning-rate-factor",
            1,
            "Multiplies the learning rate of every experience but the first.",
            r -> r.optimiser().laterLearningRateFactor());
    static final Option<Double> RETRAIN_FACTOR = Option.number(
            "retrain-learning-rate-factor",
            0.1,
            "Multiplies the learning rate of retraining after pruning.",
            r -> r.optimiser().retrainLearningRateFactor());
    static final Option<Double> MOMENTUM = Option.number(
            "momentum", 0.9, "Momentum of sgd.", r -> r.optimiser().momentum());
    static final Option<Boolean> NESTEROV = Option.flag(
            "nesterov",
            false,
            "Nesterov's form of the momentum.",
            r -> r.optimiser().nesterov());
    static final Option<Double> WEIGHT_DECAY = Option.number(
            "weight-decay",
            5e-4,
            "L2 penalty, added to the gradient.",
            r -> r.optimiser().weightDecay());
    static final Option<ScheduleKind> SCHEDULE = Option.choice(
            "schedule",
            ScheduleKind.class,
            ScheduleKind.COSINE,
            "How the learning rate falls within a phase.",
            r -> r.optimiser().schedule());
    static final Option<List<Integer>> MILESTONES = Option.integers(
            "milestones",
            "N,N…",
            "",
            "Epochs at which the step schedule multiplies the learning rate by the decay.",
            r -> r.optimiser().milestones());
    static final Option<Double> DECAY = Option.number(
            "decay", 0.2, "Factor of the step schedule.", r -> r.optimiser().decay());
    static final Option<Double> CLIP = Option.number(
            "clip",
            0,
            "Largest norm of the whole gradient; 0: not clipped.",
            r -> r.optimiser().clip());
    static final List<Option<?>> ALL = List.of(
            EPOCHS,
            EPOCHS_FALL,
            FEWEST_EPOCHS,
            KEEP,
            RETRAIN_EPOCHS,
            BATCH,
            OPTIMISER,
            LEARNING_RATE,
            LATER_FACTOR,
            RETRAIN_FACTOR,
            MOMENTUM,
            NESTEROV,
            WEIGHT_DECAY,
            SCHEDULE,
            MILESTONES,
            DECAY,
            CLIP);

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public OptimiserOptions {
        milestones = List.copyOf(milestones);
        Check.atLeast("epochs", epochs, 1);
        Check.notNegative("epochs-fall", epochsFall);
        Check.atLeast("fewest-epochs", fewestEpochs, 1);
        Check.atLeast("retrain-epochs", retrainEpochs, 0);
        Check.atLeast("batch", batch, 1);
        Check.positive("learning-rate", learningRate);
        Check.positive("later-learning-rate-factor", laterLearningRateFactor);
        Check.positive("retrain-learning-rate-factor", retrainLearningRateFactor);
        Check.that(momentum >= 0 && momentum < 1, "momentum", momentum, "at least 0 and below 1");
        Check.that(
                !nesterov || momentum > 0 && algorithm == Algorithm.SGD,
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

    static OptimiserOptions of(Values values) {
        return new OptimiserOptions(
                values.get(EPOCHS),
                values.get(EPOCHS_FALL),
                values.get(FEWEST_EPOCHS),
                values.get(KEEP),
                values.get(RETRAIN_EPOCHS),
                values.get(BATCH),
                values.get(OPTIMISER),
                values.get(LEARNING_RATE),
                values.get(LATER_FACTOR),
                values.get(RETRAIN_FACTOR),
                values.get(MOMENTUM),
                values.get(NESTEROV),
                values.get(WEIGHT_DECAY),
                values.get(SCHEDULE),
                values.get(MILESTONES),
                values.get(DECAY),
                values.get(CLIP));
    }

    /** Passes over an experience's images: epochs, falling to the fewest. */
    public int epochs(int experience) {
        return (int) Math.max(Math.min(epochs, fewestEpochs), Math.round(epochs - epochsFall * experience));
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
}
