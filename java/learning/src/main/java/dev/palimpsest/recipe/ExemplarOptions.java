package dev.palimpsest.recipe;

import java.util.List;

/**
 * Images of earlier classes that are kept, and what classifies with them.
 *
 * @param perClass images a class; 0: none are kept, unless there is a budget
 * @param budget images of all classes together, shared evenly among those seen; 0: {@code perClass} counts
 * @param refitEpochs passes over the exemplars when the head is refitted
 * @param refitLearningRate at the start of these passes
 */
public record ExemplarOptions(
        int perClass,
        int budget,
        Selection selection,
        Rehearsal rehearsal,
        Classifier classifier,
        int refitEpochs,
        double refitLearningRate) {
    /** Herding keeps the images whose mean feature stays nearest to the class mean (iCaRL). */
    public enum Selection {
        HERDING,
        RANDOM
    }

    /** Exemplars make up half of every batch, or come among the new images like any of them (iCaRL). */
    public enum Rehearsal {
        HALF,
        MIXED
    }

    /**
     * Highest logit; nearest mean of the exemplars' features (iCaRL); a copy of the head refitted on as many exemplars
     * of every class; or a copy of the head whose newest rows are scaled to the length of the older ones (WA).
     * Alignment mends heads whose newest rows are longest, as when exemplars are mixed among many more new images;
     * where half of every batch is exemplars it may lengthen them.
     */
    public enum Classifier {
        HEAD,
        NEAREST_MEAN,
        REFIT,
        WEIGHT_ALIGNMENT;

        public boolean needsExemplars() {
            return this == NEAREST_MEAN || this == REFIT;
        }
    }

    static final Option<Integer> EXEMPLARS = Option.integer(
            "exemplars",
            10,
            "Images kept of every earlier class; 0: none.",
            r -> r.exemplars().perClass());
    static final Option<Integer> BUDGET = Option.integer(
            "exemplar-budget",
            0,
            "Images kept of all earlier classes together, shared evenly; above 0 it takes the place of exemplars.",
            r -> r.exemplars().budget());
    static final Option<Selection> SELECTION = Option.choice(
            "selection",
            Selection.class,
            Selection.HERDING,
            "How exemplars are chosen.",
            r -> r.exemplars().selection());
    static final Option<Rehearsal> REHEARSAL = Option.choice(
            "rehearsal",
            Rehearsal.class,
            Rehearsal.HALF,
            "Exemplars are half of every batch, or mixed among the new images, an epoch over both.",
            r -> r.exemplars().rehearsal());
    static final Option<Classifier> CLASSIFIER = Option.choice(
            "classifier",
            Classifier.class,
            Classifier.HEAD,
            "How an image is classified: highest logit; nearest mean of the exemplars; a head refitted on the"
                    + " exemplars; or the head with its newest rows scaled to the length of the older ones, which fits"
                    + " rehearsal = mixed.",
            r -> r.exemplars().classifier());
    static final Option<Integer> REFIT_EPOCHS = Option.integer(
            "refit-epochs",
            50,
            "Passes over the exemplars that refit the head.",
            r -> r.exemplars().refitEpochs());
    static final Option<Double> REFIT_RATE = Option.number(
            "refit-learning-rate",
            0.1,
            "Learning rate at the start of refitting.",
            r -> r.exemplars().refitLearningRate());
    static final List<Option<?>> ALL =
            List.of(EXEMPLARS, BUDGET, SELECTION, REHEARSAL, CLASSIFIER, REFIT_EPOCHS, REFIT_RATE);

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public ExemplarOptions {
        Check.atLeast("exemplars", perClass, 0);
        Check.atLeast("exemplar-budget", budget, 0);
        Check.atLeast("refit-epochs", refitEpochs, 1);
        Check.positive("refit-learning-rate", refitLearningRate);
        if (classifier.needsExemplars() && perClass == 0 && budget == 0) {
            throw new IllegalArgumentException("classifier = " + Option.label(classifier)
                    + " needs exemplars, but exemplars = 0: " + "keep some, or take classifier = head");
        }
    }

    /** Whether any are kept. */
    public boolean kept() {
        return perClass > 0 || budget > 0;
    }

    /** Most images of a class once so many classes were seen. */
    public int perClass(int classesSeen) {
        return budget > 0 ? budget / classesSeen : perClass;
    }

    static ExemplarOptions of(Values values) {
        return new ExemplarOptions(
                values.get(EXEMPLARS),
                values.get(BUDGET),
                values.get(SELECTION),
                values.get(REHEARSAL),
                values.get(CLASSIFIER),
                values.get(REFIT_EPOCHS),
                values.get(REFIT_RATE));
    }
}
