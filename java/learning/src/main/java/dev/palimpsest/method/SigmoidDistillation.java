package dev.palimpsest.method;

import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.Option.MemorySize;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.train.ExemplarOptions;
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
 * The loss of iCaRL, incremental classifier and representation learning (Rebuffi et al., CVPR 2017, Algorithm 3): a
 * sigmoid for every class seen, whose target is the last model's sigmoid for the s old classes and one or zero for the
 * new ones. As in the paper it is summed over classes; its authors' code takes the mean over 100, with a learning rate
 * of 2.
 *
 * <pre>L = mean_b [ Σ_{c&lt;s} BCE(σ(z_last,c), σ(z_c)) + Σ_{c≥s} BCE([c = y], σ(z_c)) ]</pre>
 *
 * {@code icarl}: exemplars chosen by herding are mixed among the new images, and their nearest mean classifies.
 * {@code lwf-mc}, learning without forgetting for many classes as iCaRL's authors have it (section 4): the same
 * without exemplars, classified by the highest output. Not verified against published numbers (CIFAR-100, Table 1:
 * 57.0 to 68.6 with 2000 exemplars, 11.7 to 64.5 without).
 */
final class SigmoidDistillation implements Method {
    private static final String WITH_EXEMPLARS = "icarl";
    private static final String WITHOUT = "lwf-mc";

    /**
     * What there is to choose.
     *
     * @param teacherMemory most that the compiled teacher and its kept outputs may take; results do not depend on it
     */
    record Options(MemorySize teacherMemory) {
        private static final Option<Options, MemorySize> TEACHER_MEMORY = TeacherMemory.option(Options::teacherMemory);
        /** Texts to values and back. */
        static final OptionGroup<Options> GROUP =
                new OptionGroup<>(List.of(TEACHER_MEMORY), values -> new Options(values.get(TEACHER_MEMORY)));
    }

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED = List.of(
            Registration.of(
                    WITHOUT, "distils from the last model with sigmoids", Options.GROUP, SigmoidDistillation::lwfMc),
            Registration.of(
                    WITH_EXEMPLARS,
                    "lwf-mc with exemplars, classified by their nearest mean",
                    Options.GROUP,
                    SigmoidDistillation::icarl));

    private final String name;
    private final Options options;
    private final Classification classification = new Classification(CrossEntropy.Form.BCE);
    /** The model after the experience before; null in the first. */
    private @Nullable Teacher last;

    private SigmoidDistillation(String name, Options options) {
        this.name = name;
        this.options = options;
    }

    /**
     * iCaRL, for one run.
     *
     * @param options of the method
     * @return a new one
     */
    static SigmoidDistillation icarl(Options options) {
        return new SigmoidDistillation(WITH_EXEMPLARS, options);
    }

    /**
     * LwF.MC, for one run.
     *
     * @param options of the method
     * @return a new one
     */
    static SigmoidDistillation lwfMc(Options options) {
        return new SigmoidDistillation(WITHOUT, options);
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
        return asked.withClassifier(Classifiers.nearestMean())
                .withExemplars(
                        asked.exemplars().with(ExemplarOptions.Selection.HERDING, ExemplarOptions.Rehearsal.MIXED));
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
            last.prepare(learner);
        }
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        classification.add(pass, terms, last == null ? null : pass.own(last.outputs(pass)));
    }

    /** The network as it is now teaches the next experience. */
    @Override
    public void end(Learner learner, Experience experience) {
        close();
        last = new Teacher(
                new TeacherMemory(options.teacherMemory().bytes()),
                learner.freeze(),
                new ClassRange(0, experience.classes().end()));
    }

    @Override
    public void close() {
        if (last != null) {
            last.close();
            last = null;
        }
    }
}
