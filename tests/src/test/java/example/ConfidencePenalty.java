package example;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Method.Phase;
import dev.palimpsest.train.MethodProvider;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A method as a stranger writes it, in one file: only what the library exports, registered by the service loader. It
 * trains on the labels with a weight, and once more at a lower rate.
 *
 * <pre>L = w CE over all classes seen</pre>
 */
public final class ConfidencePenalty implements Method {
    static final String NAME = "confidence-penalty";

    /** @param weight w */
    public record Options(double weight, boolean polish) {
        private static final Option<Options, Double> WEIGHT =
                Option.number("penalty-weight", 0.5, "Weight of the cross-entropy.", Options::weight);
        private static final Option<Options, Boolean> POLISH =
                Option.flag("polish", true, "Train once more at a tenth of the rate.", Options::polish);
        static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(WEIGHT, POLISH), values -> new Options(values.get(WEIGHT), values.get(POLISH)));
        static final Options DEFAULT = GROUP.of(Map.of());

        public Options {
            Check.positive("penalty-weight", weight);
        }
    }

    public static final class Provider implements MethodProvider {
        @Override
        public List<Registration<Method>> methods() {
            return List.of(Registration.of(NAME, "a stranger's method", Options.GROUP, ConfidencePenalty::new));
        }
    }

    private final Options options;

    public ConfidencePenalty(Options options) {
        this.options = options;
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
        return asked.withoutExemplars();
    }

    @Override
    public List<Phase> phases(Learner learner, Experience next) {
        Phase train = Phase.train(learner, next);
        return options.polish() ? List.of(train, new Phase("polish", 1, 0.1, () -> {})) : List.of(train);
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        Scalar term = CrossEntropy.softmax(
                pass.tape(),
                pass.engine(),
                pass.outputs().logits(),
                pass.batch().labels(),
                pass.classes());
        terms.add("cross-entropy", options.weight(), term);
    }
}
