package example.shaded;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.MethodProvider;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.SequencedMap;

/**
 * A method of one's own that {@code --method two-losses} finds.
 *
 * <pre>L = softmax-weight · softmax cross-entropy + sigmoid-weight · sigmoid cross-entropy</pre>
 */
public final class TwoLosses implements Method {
    static final String NAME = "two-losses";

    /**
     * What there is to choose.
     *
     * @param softmaxWeight of the softmax over all classes seen
     * @param sigmoidWeight of a sigmoid per class
     */
    public record Options(double softmaxWeight, double sigmoidWeight) {
        private static final Option<Options, Double> SOFTMAX =
                Option.number("softmax-weight", 1, "Weight of the softmax cross-entropy.", Options::softmaxWeight);
        private static final Option<Options, Double> SIGMOID =
                Option.number("sigmoid-weight", 0.1, "Weight of the sigmoid cross-entropy.", Options::sigmoidWeight);
        static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(SOFTMAX, SIGMOID), values -> new Options(values.get(SOFTMAX), values.get(SIGMOID)));

        public Options {
            Check.positive("softmax-weight", softmaxWeight);
            Check.notNegative("sigmoid-weight", sigmoidWeight);
        }
    }

    /** Named in {@code META-INF/services}. */
    public static final class Provider implements MethodProvider {
        @Override
        public List<Registration<Method>> methods() {
            return List.of(Registration.of(NAME, "softmax and sigmoid together", Options.GROUP, TwoLosses::new));
        }
    }

    private final Options options;

    public TwoLosses(Options options) {
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
    public void loss(Pass pass, Terms terms) {
        Variable logits = pass.outputs().logits();
        int[] labels = pass.batch().labels();
        terms.add(
                "softmax",
                options.softmaxWeight(),
                CrossEntropy.softmax(pass.tape(), pass.engine(), logits, labels, pass.classes()));
        terms.add(
                "sigmoid",
                options.sigmoidWeight(),
                CrossEntropy.sigmoid(pass.tape(), pass.engine(), logits, labels, null));
    }
}
