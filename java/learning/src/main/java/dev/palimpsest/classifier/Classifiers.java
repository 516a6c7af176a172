package dev.palimpsest.classifier;

import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import java.util.List;
import java.util.ServiceLoader;

/** All ways to classify that the class path or module path has. */
public final class Classifiers {
    /** The library's own. */
    public static final class Own implements ClassifierProvider {
        /** For the service loader. */
        public Own() {}

        @Override
        public List<Registration<ClassifierType>> classifiers() {
            return List.of(
                    Registration.of(
                            HighestLogit.NAME,
                            "the highest logit",
                            OptionGroup.none(new HighestLogit()),
                            ClassifierType.class::cast),
                    Registration.of(
                            NearestMean.NAME,
                            "the nearest mean of the exemplars' features (iCaRL)",
                            OptionGroup.none(new NearestMean()),
                            ClassifierType.class::cast),
                    Registration.of(
                            Refit.NAME,
                            "a copy of the head refitted on as many exemplars of every class",
                            Refit.Options.GROUP,
                            Refit::new),
                    Registration.of(
                            WeightAlignment.NAME,
                            "a copy of the head whose newest rows are scaled to the length of the older ones, which"
                                    + " fits rehearsal = mixed (WA)",
                            OptionGroup.none(new WeightAlignment()),
                            ClassifierType.class::cast),
                    Registration.of(
                            GaussianOverSnapshots.NAME,
                            "classes as Gaussians over what the first snapshots give; needs no kept image",
                            GaussianOverSnapshots.Options.GROUP,
                            GaussianOverSnapshots::new));
        }
    }

    private Classifiers() {}

    /**
     * The network's own head: the highest logit. It keeps nothing.
     *
     * @return what the option {@code classifier} calls {@code head}
     */
    public static ClassifierType head() {
        return new HighestLogit();
    }

    /**
     * The nearest mean of the exemplars' features (iCaRL).
     *
     * @return what the option {@code classifier} calls {@code nearest-mean}
     */
    public static ClassifierType nearestMean() {
        return new NearestMean();
    }

    /**
     * Every registered way to classify.
     *
     * @return the library's own first
     */
    public static List<Registration<ClassifierType>> all() {
        return Registration.all(
                "classifiers", ServiceLoader.load(ClassifierProvider.class), ClassifierProvider::classifiers);
    }

    /**
     * The way to classify of a name.
     *
     * @param name as the option {@code classifier} takes it
     * @return its registration
     * @throws IllegalArgumentException with a sentence, if there is none
     */
    public static Registration<ClassifierType> named(String name) {
        return Registration.named("classifier", name, all());
    }
}
