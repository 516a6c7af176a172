package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.option.Option;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * CE: the labels' own term, in the form that the method is asked for, for the classifier and, averaged, for the
 * auxiliary heads. Without exemplars the form decides more than the distillation does: a softmax over all classes
 * pushes the old ones down.
 */
final class Classification {
    private final CrossEntropy.Form form;

    @SuppressWarnings("NullAway.Init") // set by begin, which comes before any batch
    private Experience experience;

    Classification(CrossEntropy.Form form) {
        this.form = form;
    }

    /** The option {@code cross-entropy} of a method that leaves the choice. */
    static <R> Option<R, CrossEntropy.Form> option(Function<R, CrossEntropy.Form> read) {
        return Option.choice(
                "cross-entropy",
                CrossEntropy.Form.class,
                CrossEntropy.Form.ALL,
                "Softmax over the new classes, over all seen, or a sigmoid for each; without exemplars all forgets"
                        + " everything.",
                read);
    }

    /** Refuses losses that would be zero whatever the network gives, and labels that no softmax covers. */
    static void check(CrossEntropy.Form form, List<Integer> newClasses, Settings settings) {
        if (form != CrossEntropy.Form.NEW) {
            return;
        }
        if (settings.exemplars().kept()) {
            throw new IllegalArgumentException("cross-entropy = new looks at the new classes alone, but exemplars = "
                    + settings.exemplars().perClass()
                    + " bring old ones into every batch: set exemplars = 0, or cross-entropy = all");
        }
        for (int e = 0; e < newClasses.size(); e++) {
            if (newClasses.get(e) < 2) {
                throw new IllegalArgumentException("cross-entropy = new, and experience " + (e + 1) + " brings "
                        + newClasses.get(e) + " new class" + (newClasses.get(e) == 1 ? "" : "es")
                        + ": a softmax over one class is always right, so nothing is learned; set cross-entropy = bce,"
                        + " or more classes per experience");
            }
        }
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
