package dev.palimpsest.method;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;

/**
 * The lower bound: goes on training with nothing that keeps old knowledge, not even exemplars. Published tables have
 * it as "fine-tuning" or "finetuning" (iCaRL, Rebuffi 2017, Figure 2). Not verified against published numbers.
 *
 * <pre>L = CE</pre>
 */
final class FineTuning implements Method {
    private final Classification classification;

    FineTuning(Recipe recipe) {
        classification = new Classification(recipe.method().crossEntropy());
    }

    static Recipe settled(Recipe recipe) {
        return Methods.withoutExemplars(Methods.plain(recipe));
    }

    @Override
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        classification.add(pass, terms, null);
    }
}
