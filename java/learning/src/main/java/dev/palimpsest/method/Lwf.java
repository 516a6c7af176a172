package dev.palimpsest.method;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.Option.MemorySize;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * Learning without Forgetting (Li and Hoiem 2016) with a single head: standard, sequential distillation, where only
 * the last model teaches, all old classes at once. The cross-entropy is M2KD's. Not verified against published
 * numbers.
 *
 * <pre>L = CE + λ T² KL( softmax(z_last/T) ‖ softmax(z[C_0..C_{e−1}]/T) )</pre>
 */
final class Lwf implements Method {
    private static final String NAME = "lwf";

    /**
     * The loss.
     *
     * @param temperature T
     * @param lambda λ; 0: no distillation
     * @param crossEntropy form of CE
     * @param teacherMemory most that the compiled teacher and its kept outputs may take; results do not depend on it
     */
    record Options(double temperature, double lambda, CrossEntropy.Form crossEntropy, MemorySize teacherMemory) {
        private static final Option<Options, Double> TEMPERATURE = Option.number(
                        "temperature", 2, "Temperature of the distillation.", Options::temperature)
                .when(options -> options.lambda > 0, "lambda above 0");
        private static final Option<Options, Double> LAMBDA =
                Option.number("lambda", 1, "Weight of the distillation of logits.", Options::lambda);
        private static final Option<Options, CrossEntropy.Form> CROSS_ENTROPY =
                Classification.option(Options::crossEntropy);
        private static final Option<Options, MemorySize> TEACHER_MEMORY = TeacherMemory.option(Options::teacherMemory);
        /** Texts to values and back. */
        static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(TEMPERATURE, LAMBDA, CROSS_ENTROPY, TEACHER_MEMORY),
                values -> new Options(
                        values.get(TEMPERATURE),
                        values.get(LAMBDA),
                        values.get(CROSS_ENTROPY),
                        values.get(TEACHER_MEMORY)));

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        Options {
            Check.temperature(temperature);
            Check.notNegative("lambda", lambda);
        }
    }

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED =
            List.of(Registration.of(NAME, "distils from the last model alone", Options.GROUP, Lwf::new));

    private final Options options;
    private final Classification classification;
    /** The model after the experience before; its teaching closes it. */
    private @Nullable FrozenNetwork last;

    /** Null in the first experience. */
    private @Nullable Teaching teaching;

    /**
     * A new one, for one run.
     *
     * @param options of the loss
     */
    Lwf(Options options) {
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
    public void check(List<Integer> newClasses, Settings settings) {
        Classification.check(options.crossEntropy(), newClasses, settings);
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
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
        if (last != null) {
            teaching = new Teaching(
                    learner,
                    new Teaching.Strength(options.temperature(), options.lambda(), 0, 0, 1),
                    List.of(new Teacher(
                            new TeacherMemory(options.teacherMemory().bytes()),
                            last,
                            new ClassRange(0, experience.classes().begin()))));
        }
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        if (teaching == null) {
            classification.add(pass, terms, null);
        } else {
            teaching.add(pass, terms, classification);
        }
    }

    /** The network as it is now teaches the next experience. */
    @Override
    public void end(Learner learner, Experience experience) {
        close();
        last = learner.freeze();
    }

    @Override
    public void close() {
        if (teaching != null) {
            teaching.close();
        } else if (last != null) {
            last.close();
        }
        teaching = null;
        last = null;
    }
}
