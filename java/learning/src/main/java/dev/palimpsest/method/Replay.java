package dev.palimpsest.method;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;

/**
 * Experience replay, ER (Chaudhry et al. 2019, "On Tiny Episodic Memories in Continual Learning"; there online and
 * over one pass, here with the recipe's epochs): exemplars and nothing else keep old knowledge. Not verified against
 * published numbers.
 *
 * <pre>L = CE, over new images and exemplars</pre>
 */
final class Replay implements Method {
    private final Classification classification;

    Replay(Recipe recipe) {
        classification = new Classification(recipe.method().crossEntropy());
    }

    static Recipe settled(Recipe recipe) {
        return Methods.plain(Methods.withExemplars(recipe, "fine-tuning"));
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
