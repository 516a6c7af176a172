package dev.palimpsest.method;

import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.SequencedMap;

/**
 * Experience replay, ER (Chaudhry et al. 2019, "On Tiny Episodic Memories in Continual Learning"; there online and
 * over one pass, here with the settings' epochs): exemplars and nothing else keep old knowledge. Not verified against
 * published numbers.
 *
 * <pre>L = CE, over new images and exemplars</pre>
 */
final class Replay implements Method {
    private static final String NAME = "replay";

    /**
     * What there is to choose.
     *
     * @param crossEntropy form of CE
     */
    record Options(CrossEntropy.Form crossEntropy) {
        private static final Option<Options, CrossEntropy.Form> CROSS_ENTROPY =
                Classification.option(Options::crossEntropy);
        /** Texts to values and back. */
        static final OptionGroup<Options> GROUP =
                new OptionGroup<>(List.of(CROSS_ENTROPY), values -> new Options(values.get(CROSS_ENTROPY)));
    }

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED =
            List.of(Registration.of(NAME, "exemplars alone", Options.GROUP, Replay::new));

    private final Options options;
    private final Classification classification;

    /**
     * A new one, for one run.
     *
     * @param options of the loss
     */
    Replay(Options options) {
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
    public Settings settle(Settings asked) {
        asked.requireExemplars(NAME, "fine-tuning");
        return asked;
    }

    @Override
    public void check(List<Integer> newClasses, Settings settings) {
        Classification.check(options.crossEntropy(), newClasses, settings);
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
