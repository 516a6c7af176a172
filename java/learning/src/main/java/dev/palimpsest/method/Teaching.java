package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.Distillation;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Pass.Part;
import dev.palimpsest.train.Pass.Span;
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
    private final Strength strength;
    private final List<Teacher> teachers;
    private final Distillation logits;
    private final List<Distillation> features = new ArrayList<>();

    /**
     * How strongly teachers teach.
     *
     * @param temperature T
     * @param logits λ
     * @param auxiliary λa
     * @param features λf
     * @param weight w of each teacher
     */
    record Strength(double temperature, double logits, double auxiliary, double features, double weight) {}

    /** Takes the teachers over. */
    Teaching(Learner learner, Strength strength, List<Teacher> teachers) {
        this.learner = learner;
        this.strength = strength;
        this.teachers = teachers;
        List<ClassRange> groups = teachers.stream().map(Teacher::classes).toList();
        logits = Distillation.ofLogits(
                learner.engine(),
                learner.settings().training().batch(),
                learner.network().classes(),
                groups,
                strength.weight(),
                strength.temperature());
        teachers.forEach(teacher -> teacher.prepare(learner));
    }

    /** Also hands the classification the last teacher's outputs, for the sigmoid form. */
    void add(Pass pass, Terms terms, Classification classification) {
        List<Outputs<Tensor>> outputs = new ArrayList<>();
        try (Span _ = pass.at(Part.TEACHERS)) {
            teachers.forEach(teacher -> outputs.add(pass.own(teacher.outputs(pass))));
        }
        if (strength.logits() > 0) {
            terms.add(
                    "distillation",
                    strength.logits(),
                    distil(
                            pass,
                            pass.outputs().logits(),
                            outputs.stream().map(Outputs::logits).toList()));
        }
        for (int l = 0;
                strength.auxiliary() > 0 && l < outputs.getFirst().auxiliary().size();
                l++) {
            int level = l;
            terms.add(
                    "auxiliary distillation",
                    strength.auxiliary(),
                    distil(
                            pass,
                            pass.outputs().auxiliary().get(l),
                            outputs.stream()
                                    .map(teacher -> teacher.auxiliary().get(level))
                                    .toList()));
        }
        for (int l = 0; strength.features() > 0 && l < pass.outputs().pooled().size(); l++) {
            int level = l;
            Variable student = pass.outputs().pooled().get(l);
            terms.add(
                    "feature distillation",
                    strength.features(),
                    features(l, student)
                            .term(
                                    pass.tape(),
                                    student,
                                    outputs.stream()
                                            .map(teacher -> teacher.pooled().get(level))
                                            .toList()));
        }
        classification.add(pass, terms, outputs.getLast());
    }

    private Scalar distil(Pass pass, Variable student, List<Tensor> known) {
        List<Tensor> taught = new ArrayList<>();
        for (int k = 0; k < known.size(); k++) {
            taught.add(pass.own(teachers.get(k).taught(pass.engine(), known.get(k))));
        }
        return logits.term(pass.tape(), student, taught);
    }

    private Distillation features(int level, Variable student) {
        while (features.size() <= level) {
            features.add(Distillation.ofFeatures(
                    learner.engine(),
                    learner.settings().training().batch(),
                    student.value().shape().extent(1),
                    teachers.size(),
                    strength.weight()));
        }
        return features.get(level);
    }

    @Override
    public void close() {
        logits.close();
        features.forEach(Distillation::close);
        teachers.forEach(Teacher::close);
    }
}
