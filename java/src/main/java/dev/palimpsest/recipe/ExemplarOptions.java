package dev.palimpsest.recipe;

import java.util.List;

/**
 * Images of earlier classes that are kept.
 *
 * @param perClass images a class; 0: none are kept
 */
public record ExemplarOptions(int perClass, Selection selection, Classifier classifier) {
    /** Herding keeps the images whose mean feature stays nearest to the class mean (iCaRL). */
    public enum Selection { HERDING, RANDOM }

    /** Highest logit, or nearest mean of the exemplars' features (iCaRL). */
    public enum Classifier { HEAD, NEAREST_MEAN }

    static final Option<Integer> EXEMPLARS = Option.integer("exemplars", 10, "Images kept of every earlier class; 0: none.",
            r -> r.exemplars().perClass());
    static final Option<Selection> SELECTION = Option.choice("selection", Selection.class, Selection.HERDING,
            "How exemplars are chosen.", r -> r.exemplars().selection());
    static final Option<Classifier> CLASSIFIER = Option.choice("classifier", Classifier.class, Classifier.HEAD,
            "How an image is classified: highest logit, or nearest mean of the exemplars.", r -> r.exemplars().classifier());
    static final List<Option<?>> ALL = List.of(EXEMPLARS, SELECTION, CLASSIFIER);

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public ExemplarOptions {
        Check.atLeast("exemplars", perClass, 0);
        if (classifier == Classifier.NEAREST_MEAN && perClass == 0) {
            throw new IllegalArgumentException("classifier = nearest-mean needs exemplars, but exemplars = 0: "
                    + "keep some, or take classifier = head");
        }
    }

    static ExemplarOptions of(Values values) {
        return new ExemplarOptions(values.get(EXEMPLARS), values.get(SELECTION), values.get(CLASSIFIER));
    }
}
