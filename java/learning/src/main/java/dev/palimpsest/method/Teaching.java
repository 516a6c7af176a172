package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.Distillation;
import dev.palimpsest.loss.FeatureDistillation;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.StepTimes;
import dev.palimpsest.train.Terms;
import java.util.ArrayList;
import java.util.List;

/**
 * What the teachers of one experience add to the loss; w is 1 for a sum over them and 1/K for their mean.
 *
 * <pre>
 *   λ  Σ_i w T² KL( softmax(z_i[G_i]/T) ‖ softmax(z[G_i]/T) )               distillation
 *   λa Σ_i Σ_l w T² KL( softmax(a_{i,l}[G_i]/T) ‖ softmax(a_l[G_i]/T) )     auxiliary distillation
 *   λf Σ_i Σ_l w ‖f_l − f_{i,l}‖²                                           feature distillation
 * </pre>
 */
final class Teaching implements AutoCloseable {
    private final Learner learner;
    private final MethodOptions options;
    private final List<Teacher> teachers;
    private final double weight;
    private final Distillation logits;
    private final List<FeatureDistillation> features = new ArrayList<>();

    /** Takes the teachers over. */
    Teaching(Learner learner, List<Teacher> teachers) {
        Recipe recipe = learner.recipe();
        this.learner = learner;
        this.teachers = teachers;
        options = recipe.method();
        weight = options.overSnapshots() == MethodOptions.OverSnapshots.MEAN ? 1.0 / teachers.size() : 1;
        List<ClassRange> groups = teachers.stream().map(Teacher::classes).toList();
        logits = new Distillation(
                learner.engine(),
                recipe.optimiser().batch(),
                learner.network().classes(),
                groups,
                weight,
                options.temperature());
        teachers.forEach(teacher -> teacher.prepare(learner));
    }

    /** Also hands the classification what the last teacher says, for the sigmoid form. */
    void add(Pass pass, Terms terms, Classification classification) {
        Engine engine = pass.engine();
        learner.times().at(StepTimes.Part.TEACHERS);
        List<Outputs<Tensor>> said =
                teachers.stream().map(teacher -> teacher.outputs(pass)).toList();
        learner.times().at(StepTimes.Part.LOSSES);
        if (options.lambda() > 0) {
            terms.add(
                    "distillation",
                    options.lambda(),
                    distil(
                            pass,
                            pass.outputs().logits(),
                            said.stream().map(Outputs::logits).toList()));
        }
        for (int l = 0;
                options.lambdaAuxiliary() > 0 && l < said.getFirst().auxiliary().size();
                l++) {
            int level = l;
            terms.add(
                    "auxiliary distillation",
                    options.lambdaAuxiliary(),
                    distil(
                            pass,
                            pass.outputs().auxiliary().get(l),
                            said.stream()
                                    .map(outputs -> outputs.auxiliary().get(level))
                                    .toList()));
        }
        for (int l = 0;
                options.lambdaFeature() > 0 && l < pass.outputs().pooled().size();
                l++) {
            int level = l;
            Variable student = pass.outputs().pooled().get(l);
            terms.add(
                    "feature distillation",
                    options.lambdaFeature(),
                    features(l, student)
                            .term(
                                    pass.tape(),
                                    student,
                                    said.stream()
                                            .map(outputs -> outputs.pooled().get(level))
                                            .toList()));
        }
        classification.add(pass, terms, said.getLast());
        said.forEach(outputs -> outputs.forEach(engine::release));
    }

    private Scalar distil(Pass pass, Variable student, List<Tensor> known) {
        List<Tensor> taught = new ArrayList<>();
        for (int k = 0; k < known.size(); k++) {
            taught.add(teachers.get(k).taught(pass.engine(), known.get(k)));
        }
        Scalar term = logits.term(pass.tape(), student, taught);
        taught.forEach(pass.engine()::release);
        return term;
    }

    private FeatureDistillation features(int level, Variable student) {
        while (features.size() <= level) {
            features.add(new FeatureDistillation(
                    learner.engine(),
                    learner.recipe().optimiser().batch(),
                    student.value().shape().extent(1),
                    teachers.size(),
                    weight));
        }
        return features.get(level);
    }

    @Override
    public void close() {
        logits.close();
        features.forEach(FeatureDistillation::close);
        teachers.forEach(Teacher::close);
    }
}
