package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * CE: the labels' own term, in the form that the method is asked for, for the classifier and, averaged, for the
 * auxiliary heads. Without exemplars the form decides more than the distillation does: a softmax over all classes
 * pushes the old ones down.
 */
final class Classification {
    private final CrossEntropyForm form;

    @SuppressWarnings("NullAway.Init") // set by begin, which comes before any batch
    private Experience experience;

    Classification(CrossEntropyForm form) {
        this.form = form;
    }

    void begin(Experience next) {
        experience = next;
    }

    /**
     * Adds the terms of a batch.
     *
     * @param last the last model's outputs for this batch; only the sigmoid form reads them; null where there is none
     */
    void add(Pass pass, Terms terms, @Nullable Outputs<Tensor> last) {
        terms.add("cross-entropy", 1, term(pass, pass.outputs().logits(), last == null ? null : last.logits()));
        List<Variable> auxiliary = pass.outputs().auxiliary();
        for (int l = 0; l < auxiliary.size(); l++) {
            terms.add(
                    "auxiliary cross-entropy",
                    1.0 / auxiliary.size(),
                    term(
                            pass,
                            auxiliary.get(l),
                            last == null ? null : last.auxiliary().get(l)));
        }
    }

    private Scalar term(Pass pass, Variable logits, @Nullable Tensor last) {
        int[] labels = pass.batch().labels();
        int seen = experience.classes().end();
        return switch (form) {
            case NEW -> CrossEntropy.softmax(pass.tape(), pass.engine(), logits, labels, experience.classes());
            case ALL -> CrossEntropy.softmax(pass.tape(), pass.engine(), logits, labels, new ClassRange(0, seen));
            case BCE -> CrossEntropy.sigmoid(pass.tape(), pass.engine(), logits, labels, last);
        };
    }
}
