package dev.palimpsest.method;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.loss.Distillation;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Learner.UnlabelledBatches;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Pass.Part;
import dev.palimpsest.train.Pass.Span;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * The baseline of the CLVision 2024 challenge: Learning without Forgetting on unlabelled images. The last model
 * teaches its outputs for them, of all classes that it has seen. The challenge's code leaves T² out: with its T = 2
 * and weight 1, λ is 0.25 here.
 *
 * <pre>L = CE + λ T² KL( softmax(z_last/T) ‖ softmax(z[seen before]/T) ) on unlabelled images</pre>
 */
final class LwfUnlabelled implements Method {
    private static final String NAME = "lwf-unlabelled";
    /** Name of the tensor of how many batches were drawn. */
    private static final String UNLABELLED = "unlabelled";

    /**
     * The loss.
     *
     * @param temperature T
     * @param lambda λ
     * @param unlabelledBatch unlabelled images per step
     */
    record Options(double temperature, double lambda, int unlabelledBatch) {
        private static final Option<Options, Double> TEMPERATURE =
                Option.number("temperature", 2, "Temperature of the distillation.", Options::temperature);
        private static final Option<Options, Double> LAMBDA =
                Option.number("lambda", 1, "Weight of the distillation of logits.", Options::lambda);
        private static final Option<Options, Integer> UNLABELLED_BATCH =
                Option.integer("unlabelled-batch", 100, "Unlabelled images per step.", Options::unlabelledBatch);
        /** Texts to values and back. */
        static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(TEMPERATURE, LAMBDA, UNLABELLED_BATCH),
                values -> new Options(values.get(TEMPERATURE), values.get(LAMBDA), values.get(UNLABELLED_BATCH)));

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        Options {
            Check.temperature(temperature);
            Check.notNegative("lambda", lambda);
            Check.atLeast("unlabelled-batch", unlabelledBatch, 8);
        }
    }

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED =
            List.of(Registration.of(NAME, "lwf on unlabelled images", Options.GROUP, LwfUnlabelled::new));

    private final Options options;
    private final Classification classification = new Classification(CrossEntropy.Form.ALL);
    /** The model after the experience before; null in the first. */
    private @Nullable FrozenNetwork last;

    private @Nullable UnlabelledBatches unlabelled;
    private @Nullable Distillation distillation;

    /**
     * A new one, for one run.
     *
     * @param options of the loss
     */
    LwfUnlabelled(Options options) {
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
    public boolean repeats() {
        return true;
    }

    @Override
    public boolean resumes() {
        return true;
    }

    /** The network is as it was: it teaches the next experience. */
    @Override
    public void resume(Learner learner, Experience over, Optional<Snapshots> snapshots) {
        end(learner, over);
    }

    @Override
    public void save(SafetensorsWriter to, String prefix) {
        if (unlabelled != null) {
            to.add(prefix + UNLABELLED, Shape.of(1), new int[] {unlabelled.drawn()});
        }
    }

    @Override
    public void restore(Safetensors from, String prefix) {
        if (unlabelled != null) {
            unlabelled.goOnAfter(from.ints(prefix + UNLABELLED)[0]);
        }
    }

    @Override
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
        if (last != null) {
            unlabelled = learner.unlabelled(experience, options.unlabelledBatch());
            distillation = Distillation.ofLogits(
                    learner.engine(),
                    options.unlabelledBatch(),
                    learner.network().classes(),
                    List.of(new ClassRange(0, experience.classes().begin())),
                    1,
                    options.temperature());
        }
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        classification.add(pass, terms, null);
        if (last == null || unlabelled == null || distillation == null) {
            return;
        }
        Batch batch;
        try (Span _ = pass.at(Part.DATA)) {
            batch = unlabelled.next();
        }
        Tensor images = pass.tensor(batch.rows(), batch.view(UnlabelledBatches.STRONG));
        Outputs<Tensor> taught;
        try (Span _ = pass.at(Part.TEACHERS)) {
            taught = pass.own(last.forward(images, false));
        }
        Variable student = pass.student(pass.tape().input(images)).logits();
        terms.add("distillation", options.lambda(), distillation.term(pass.tape(), student, List.of(taught.logits())));
    }

    @Override
    public void end(Learner learner, Experience experience) {
        close();
        last = learner.freeze();
    }

    @Override
    public void close() {
        if (last != null) {
            last.close();
            last = null;
        }
        if (unlabelled != null) {
            unlabelled.close();
            unlabelled = null;
        }
        if (distillation != null) {
            distillation.close();
            distillation = null;
        }
    }
}
