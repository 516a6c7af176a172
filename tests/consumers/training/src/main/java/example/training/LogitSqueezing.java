package example.training;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
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
import java.util.function.DoubleSupplier;

/**
 * A method of one's own in one file: its loss, its options, its registration. It replays exemplars and keeps logits
 * small (Kannan et al. 2018, "Adversarial Logit Pairing" §3.2), so that no class can drown the others.
 *
 * <pre>L = CE + squeeze · mean_b ‖z_b‖² / 2, over new images and exemplars</pre>
 */
public final class LogitSqueezing implements Method {
    static final String NAME = "logit-squeezing";

    /**
     * What there is to choose.
     *
     * @param squeeze weight of the logits' squared length
     */
    public record Options(double squeeze) {
        private static final Option<Options, Double> SQUEEZE =
                Option.number("squeeze", 0.01, "Weight of the logits' squared length.", Options::squeeze);
        static final OptionGroup<Options> GROUP =
                new OptionGroup<>(List.of(SQUEEZE), values -> new Options(values.get(SQUEEZE)));

        public Options {
            Check.notNegative("squeeze", squeeze);
        }
    }

    /** Makes the method known to {@code --method}, recipes and {@code Methods}. */
    public static final class Provider implements MethodProvider {
        @Override
        public List<Registration<Method>> methods() {
            return List.of(Registration.of(NAME, "exemplars, and small logits", Options.GROUP, LogitSqueezing::new));
        }
    }

    private final Options options;

    public LogitSqueezing(Options options) {
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
        terms.add(
                "cross-entropy",
                1,
                CrossEntropy.softmax(
                        pass.tape(), pass.engine(), logits, pass.batch().labels(), pass.classes()));
        terms.add("squeeze", options.squeeze(), halfSquaredLength(pass, logits));
    }

    /** mean_b ‖z_b‖² / 2, whose gradient is z / B. */
    private static Scalar halfSquaredLength(Pass pass, Variable logits) {
        try (Matrices matrices = pass.engine().matrices()) {
            Matrix z = matrices.of(logits.value());
            DoubleSupplier squares = z.dot(z);
            return pass.tape()
                    .fused(
                            logits,
                            new Loss(
                                    () -> squares.getAsDouble() / (2 * z.rows()),
                                    z.over(z.rows()).toTensor()));
        }
    }
}
