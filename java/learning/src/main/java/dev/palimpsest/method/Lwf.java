package dev.palimpsest.method;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;
import java.util.List;

/**
 * Learning without Forgetting (Li and Hoiem 2016) with a single head: standard, sequential distillation, where only
 * the last model teaches, all old classes at once. The cross-entropy is M2KD's. Not verified against published
 * numbers.
 *
 * <pre>L = CE + λ T² KL( softmax(z_last/T) ‖ softmax(z[C_0..C_{e−1}]/T) )</pre>
 */
final class Lwf implements Method {
    private final Classification classification;
    /** The model after the experience before; its teaching closes it. */
    private FrozenNetwork last;

    private Teaching teaching;

    Lwf(Recipe recipe) {
        classification = new Classification(recipe.method().crossEntropy());
    }

    @Override
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
        if (last != null) {
            teaching = new Teaching(
                    learner,
                    List.of(new Teacher(
                            new TeacherMemory(learner.recipe().teacherMemory().bytes()),
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
    public void resume(Learner learner, Experience done, Safetensors checkpoint) {
        end(learner, done);
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
