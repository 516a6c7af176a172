package dev.palimpsest.classifier;

import dev.palimpsest.tensor.Safetensors;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * A way to classify, with its options set. One instance serves a whole run: it makes a {@link Classifier} after every
 * experience. Immutable; equal instances classify alike.
 */
public interface ClassifierType {
    /**
     * As the option {@code classifier} names it.
     *
     * @return lower case with hyphens
     */
    String name();

    /**
     * Its options as run.json records them.
     *
     * @return texts by option name
     */
    default SequencedMap<String, String> options() {
        return new LinkedHashMap<>();
    }

    /**
     * Whether it is made of kept images of earlier classes.
     *
     * @return whether a run without exemplars is refused
     */
    default boolean needsExemplars() {
        return false;
    }

    /**
     * How many of a run's first snapshots it reads. They are kept for it where the method keeps none.
     *
     * @return 0 if it reads the latest model alone
     */
    default int snapshots() {
        return 0;
    }

    /**
     * How other programs classify with an exported file, where the network's head does not do it.
     *
     * @return one sentence
     */
    default String howToRead() {
        return "only palimpsest predict classifies as the run did";
    }

    /**
     * Makes the classifier of all classes seen by now. The network stays as it is.
     *
     * @param after what the experience left
     * @return the classifier
     */
    Classifier fit(Fitting after);

    /**
     * The classifier that {@link Classifier#write} wrote.
     *
     * @param file to be read
     * @param prefix of the names of its tensors
     * @return the classifier
     */
    Classifier read(Safetensors file, String prefix);
}
