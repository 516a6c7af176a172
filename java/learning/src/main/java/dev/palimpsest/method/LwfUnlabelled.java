package dev.palimpsest.method;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.Distillation;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.model.Training;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.StepTimes.Part;
import dev.palimpsest.train.Terms;
import dev.palimpsest.train.UnlabelledBatches;
import java.util.List;

/**
 * The baseline of the CLVision 2024 challenge: Learning without Forgetting on unlabelled images. The last model
 * teaches what it says of them about all classes that it has seen. The challenge's code leaves T² out: with its T = 2
 * and weight 1, λ is 0.25 here.
 *
 * <pre>L = CE + λ T² KL( softmax(z_last/T) ‖ softmax(z[seen before]/T) ) on unlabelled images</pre>
 */
final class LwfUnlabelled implements Method {
    private final Recipe recipe;
    private final Classification classification = new Classification(MethodOptions.CrossEntropy.ALL);
    private Learner learner;
    /** The model after the experience before; null in the first. */
    private FrozenNetwork last;

    private UnlabelledBatches unlabelled;
    private Distillation distillation;

    LwfUnlabelled(Recipe recipe) {
        this.recipe = recipe;
    }

    @Override
    public void begin(Learner now, Experience experience) {
        learner = now;
        classification.begin(experience);
        if (last != null) {
            int batch = recipe.mlkd().unlabelledBatch();
            unlabelled = now.unlabelled(experience, batch);
            distillation = new Distillation(
                    now.engine(),
                    batch,
                    now.network().classes(),
                    List.of(new ClassRange(0, experience.classes().begin())),
                    1,
                    recipe.method().temperature());
        }
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        classification.add(pass, terms, null);
        if (last == null) {
            return;
        }
        Engine engine = pass.engine();
        learner.times().at(Part.DATA);
        Batch batch = unlabelled.next();
        Shape image = learner.network().image();
        Tensor images = engine.wrap(
                Shape.of(batch.rows(), image.extent(0), image.extent(1), image.extent(2)),
                batch.view(UnlabelledBatches.STRONG));
        learner.times().at(Part.TEACHERS);
        Outputs<Tensor> said = last.forward(images, false);
        learner.times().at(Part.STUDENT);
        Variable student = learner.network()
                .forward(new Training(pass.tape(), false), pass.tape().input(images), false)
                .logits();
        learner.times().at(Part.LOSSES);
        terms.add(
                "distillation",
                recipe.method().lambda(),
                distillation.term(pass.tape(), student, List.of(said.logits())));
        said.forEach(engine::release);
    }

    @Override
    public void end(Learner now, Experience experience) {
        close();
        last = now.freeze();
    }

    @Override
    public void close() {
        if (last != null) {
            last.close();
            last = null;
        }
        if (unlabelled != null) {
            unlabelled.close();
            distillation.close();
            unlabelled = null;
        }
    }
}
