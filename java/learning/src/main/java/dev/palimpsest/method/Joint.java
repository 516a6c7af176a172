package dev.palimpsest.method;

import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Terms;

/**
 * The upper bound: every experience trains on the images of all so far.
 *
 * <pre>L = CE over all classes seen</pre>
 */
final class Joint implements Method {
    private final Classification classification = new Classification(MethodOptions.CrossEntropy.ALL);

    /** All images are at hand, so what spares old knowledge would only hold it back. */
    static Recipe settled(Recipe recipe) {
        return Methods.withoutExemplars(Methods.plain(recipe))
                .with("cross-entropy", "all")
                .with("freeze-norm", "false")
                .with("later-learning-rate-factor", "1")
                .with("classifier", "head");
    }

    @Override
    public boolean keepsAllImages() {
        return true;
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
