package dev.palimpsest.method;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;

/**
 * The loss of iCaRL (Rebuffi et al., CVPR 2017, Algorithm 3): a sigmoid for every class seen, whose target is the last
 * model's sigmoid for the s old classes and one or zero for the new ones. As in the paper it is summed over classes;
 * its authors' code takes the mean over 100, with a learning rate of 2.
 *
 * <pre>L = mean_b [ Σ_{c&lt;s} BCE(σ(z_last,c), σ(z_c)) + Σ_{c≥s} BCE([c = y], σ(z_c)) ]</pre>
 */
abstract sealed class SigmoidDistillation implements Method permits LwfMc, Icarl {
    private final Classification classification = new Classification(MethodOptions.CrossEntropy.BCE);
    /** The model after the experience before; null in the first. */
    private Teacher last;

    @Override
    public final void begin(Learner learner, Experience experience) {
        classification.begin(experience);
        if (last != null) {
            last.prepare(learner);
        }
    }

    @Override
    public final void loss(Pass pass, Terms terms) {
        if (last == null) {
            classification.add(pass, terms, null);
            return;
        }
        Outputs<Tensor> said = last.outputs(pass);
        classification.add(pass, terms, said);
        said.forEach(pass.engine()::release);
    }

    /** The network as it is now teaches the next experience. */
    @Override
    public final void end(Learner learner, Experience experience) {
        close();
        last = new Teacher(
                new TeacherMemory(learner.recipe().teacherMemory().bytes()),
                learner.freeze(),
                new ClassRange(0, experience.classes().end()));
    }

    @Override
    public final void resume(Learner learner, Experience done, Safetensors checkpoint) {
        end(learner, done);
    }

    @Override
    public final void close() {
        if (last != null) {
            last.close();
            last = null;
        }
    }
}
