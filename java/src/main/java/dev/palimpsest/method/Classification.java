package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.tensor.ClassRange;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.MethodOptions;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;

/**
 * CE: the labels' own term, in the form that the recipe names, for the classifier and, averaged, for the auxiliary heads. Without exemplars
 * the form decides more than the distillation does: a softmax over all classes pushes the old ones down.
 */
final class Classification {
    private final MethodOptions.CrossEntropy form;
    private Experience experience;

    Classification(MethodOptions.CrossEntropy form) {
        this.form = form;
    }

    void begin(Experience next) {
        experience = next;
    }

    /** @param last the last model's logits for this batch, [B, classes before]; only the sigmoid form reads them; null where there is none */
    void add(Pass pass, Terms terms, Tensor last) {
        terms.add("cross-entropy", 1, term(pass, pass.outputs().logits(), last));
        int heads = pass.outputs().auxiliary().size();
        for (Variable auxiliary : pass.outputs().auxiliary()) {
            terms.add("auxiliary cross-entropy", 1.0 / heads, term(pass, auxiliary, last));
        }
    }

    private Scalar term(Pass pass, Variable logits, Tensor last) {
        int[] labels = pass.batch().labels();
        int seen = experience.classes().end();
        return switch (form) {
            case NEW -> CrossEntropy.softmax(pass.tape(), pass.engine(), logits, labels, experience.classes());
            case ALL -> CrossEntropy.softmax(pass.tape(), pass.engine(), logits, labels, new ClassRange(0, seen));
            case BCE -> CrossEntropy.sigmoid(pass.tape(), pass.engine(), logits, labels, last);
        };
    }
}
