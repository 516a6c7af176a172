package dev.palimpsest.method;

import dev.palimpsest.option.Option;
import dev.palimpsest.train.Settings;
import java.util.List;
import java.util.function.Function;

/** The labels' own term. Without exemplars its form decides more than any distillation does. */
public enum CrossEntropyForm {
    /** Softmax over the new classes. */
    NEW,
    /** Softmax over all classes seen. */
    ALL,
    /** A sigmoid for each class seen. */
    BCE;

    /** The option {@code cross-entropy} of a method that leaves the choice. */
    static <R> Option<R, CrossEntropyForm> option(Function<R, CrossEntropyForm> read) {
        return Option.choice(
                "cross-entropy",
                CrossEntropyForm.class,
                ALL,
                "Softmax over the new classes, over all seen, or a sigmoid for each; without exemplars all forgets"
                        + " everything.",
                read);
    }

    /** Refuses losses that would be zero whatever the network gives, and labels that no softmax covers. */
    void check(List<Integer> newClasses, Settings settings) {
        if (this != NEW) {
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
}
