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
 * Goes on training without distillation.
 *
 * <pre>L = CE, over new images and exemplars</pre>
 *
 * {@code replay}: experience replay, ER (Chaudhry et al. 2019, "On Tiny Episodic Memories in Continual Learning"; there
 * online and over one pass, here with the settings' epochs): exemplars and nothing else keep old knowledge. {@code
 * fine-tuning}, the lower bound: the same without exemplars, so that nothing keeps it; published tables have it as
 * "fine-tuning" or "finetuning" (iCaRL, Rebuffi 2017, Figure 2). Not verified against published numbers.
 */
final class PlainTraining implements Method {
    private static final String WITH_EXEMPLARS = "replay";
    private static final String WITHOUT = "fine-tuning";

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

    /** How the methods are registered. */
    static final List<Registration<Method>> REGISTERED = List.of(
            Registration.of(
                    WITH_EXEMPLARS,
                    "exemplars alone",
                    Options.GROUP,
                    options -> new PlainTraining(WITH_EXEMPLARS, options)),
            Registration.of(
                    WITHOUT,
                    "no exemplars, no distillation",
                    Options.GROUP,
                    options -> new PlainTraining(WITHOUT, options)));

    private final String name;
    private final Options options;
    private final Classification classification;

    private PlainTraining(String name, Options options) {
        this.name = name;
        this.options = options;
        classification = new Classification(options.crossEntropy());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SequencedMap<String, String> options() {
        return Options.GROUP.texts(options);
    }

    @Override
    public Settings settle(Settings asked) {
        if (name.equals(WITHOUT)) {
            return asked.withoutExemplars();
        }
        asked.requireExemplars(name, WITHOUT);
        return asked;
    }

    @Override
    public void check(List<Integer> newClasses, Settings settings) {
        Classification.check(options.crossEntropy(), newClasses, settings);
    }

    @Override
    public boolean repeats() {
        return name.equals(WITHOUT);
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
