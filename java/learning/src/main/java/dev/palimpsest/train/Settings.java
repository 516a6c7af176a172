package dev.palimpsest.train;

import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.option.Option;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * What every method trains with, and may settle otherwise. Immutable.
 *
 * @param training epochs, batches, optimiser
 * @param exemplars images kept of earlier classes
 * @param classifier what classifies after every experience
 */
public record Settings(TrainingOptions training, ExemplarOptions exemplars, ClassifierType classifier) {
    /** The defaults of all options. */
    public static final Settings DEFAULT =
            new Settings(TrainingOptions.DEFAULT, ExemplarOptions.DEFAULT, Classifiers.head());

    /** Name of the option that chooses the classifier. */
    public static final String CLASSIFIER = "classifier";

    /**
     * These with other epochs, batches or another optimiser.
     *
     * @param changed in place of this one's
     * @return changed settings
     */
    public Settings withTraining(TrainingOptions changed) {
        return new Settings(changed, exemplars, classifier);
    }

    /**
     * These with other exemplars.
     *
     * @param changed in place of this one's
     * @return changed settings
     */
    public Settings withExemplars(ExemplarOptions changed) {
        return new Settings(training, changed, classifier);
    }

    /**
     * These with another classifier.
     *
     * @param changed in place of this one's
     * @return changed settings
     */
    public Settings withClassifier(ClassifierType changed) {
        return new Settings(training, exemplars, changed);
    }

    /**
     * These without an image of earlier classes; a classifier that is made of exemplars gives way to the head.
     *
     * @return changed settings
     */
    public Settings withoutExemplars() {
        return new Settings(training, exemplars.none(), classifier.needsExemplars() ? Classifiers.head() : classifier);
    }

    /**
     * Refuses settings that keep no exemplars.
     *
     * @param method that needs them, for the sentence
     * @param instead the method that is the same without them
     * @throws IllegalArgumentException with a sentence
     */
    public void requireExemplars(String method, String instead) {
        if (!exemplars.kept()) {
            throw new IllegalArgumentException("method = " + method
                    + " needs exemplars, but exemplars = 0: keep some, or take method = " + instead);
        }
    }

    /**
     * Refuses a classifier that is made of exemplars where none are kept.
     *
     * @throws IllegalArgumentException with a sentence
     */
    public void check() {
        if (classifier.needsExemplars() && !exemplars.kept()) {
            throw new IllegalArgumentException(CLASSIFIER + " = " + classifier.name()
                    + " needs exemplars, but exemplars = 0: keep some, or take classifier = head");
        }
    }

    /**
     * Every option by name, as run.json records it.
     *
     * @return texts, training first
     */
    public SequencedMap<String, String> texts() {
        SequencedMap<String, String> texts = new LinkedHashMap<>(ExemplarOptions.GROUP.texts(exemplars));
        texts.put(CLASSIFIER, classifier.name());
        texts.putAll(classifier.options());
        texts.putAll(TrainingOptions.GROUP.texts(training));
        return texts;
    }

    /**
     * Refuses settings that a method would change without a word.
     *
     * @param asked what a user gave, by option name
     * @param method that changes settings
     * @throws IllegalArgumentException with a sentence that names the first option that comes back changed
     */
    void requireKept(Map<String, String> asked, String method) {
        SequencedMap<String, String> settled = texts();
        asked.forEach((name, text) -> {
            String now = settled.get(name);
            if (!text.equals(now)) {
                throw new IllegalArgumentException(refusal(name, text, method, now));
            }
        });
    }

    /**
     * The sentence that refuses an option which a method settles otherwise.
     *
     * @param name of the option
     * @param text that was asked for
     * @param method that trains otherwise
     * @param now what it has instead; null if it has no such option
     * @return one sentence
     */
    public static String refusal(String name, String text, String method, @Nullable String now) {
        return name + " = " + text + ": method = " + method
                + (now == null ? " does not use it" : " always has " + name + " = " + Option.format(now))
                + ": leave it out";
    }
}
