package dev.palimpsest.method;

import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;

/**
 * The upper bound: every experience trains on the images of all so far.
 *
 * <pre>L = CE over all classes seen</pre>
 */
final class Joint implements Method {
    private static final String NAME = "joint";

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED = List.of(Registration.of(
            NAME,
            "all images of all experiences so far: the upper bound",
            OptionGroup.none(NAME),
            name -> new Joint()));

    private final Classification classification = new Classification(CrossEntropy.Form.ALL);

    /** A new one, for one run. */
    Joint() {}

    @Override
    public String name() {
        return NAME;
    }

    /** All images are at hand, so what spares old knowledge would only hold it back. */
    @Override
    public Settings settle(Settings asked) {
        return asked.withoutExemplars()
                .withClassifier(Classifiers.head())
                .withTraining(asked.training().withFreezeNorm(false).withLaterLearningRateFactor(1));
    }

    @Override
    public boolean repeats() {
        return true;
    }

    @Override
    public boolean keepsAllImages() {
        return true;
    }

    /** It keeps nothing. */
    @Override
    public boolean resumes() {
        return true;
    }

    @Override
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        classification.add(pass, terms, null);
    }
}
