package dev.palimpsest.method;

import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Method;

/** The methods that recipes name. */
public final class Methods {
    private Methods() {}

    /**
     * The method of a recipe, new for every run.
     *
     * @throws IllegalArgumentException if the recipe's options do not go together
     */
    public static Method of(Recipe recipe) {
        if (recipe.method().crossEntropy() == MethodOptions.CrossEntropy.NEW && recipe.exemplars().perClass() > 0) {
            throw new IllegalArgumentException("cross-entropy = new looks at the new classes alone, but exemplars = "
                    + recipe.exemplars().perClass() + " bring old ones into every batch: set exemplars = 0, or cross-entropy = all");
        }
        return switch (recipe.method().kind()) {
            case M2KD -> new M2kd(recipe);
            case LWF -> new Lwf(recipe);
            case FINE_TUNING -> new FineTuning(recipe);
            case JOINT -> new Joint();
        };
    }

    /**
     * The recipe as its method runs it. Auxiliary heads and features are M2KD's: its baselines are the plain methods. The upper bound sees
     * all images at once, so what spares old knowledge would only hold it back.
     */
    public static Recipe settled(Recipe recipe) {
        return switch (recipe.method().kind()) {
            case M2KD -> recipe;
            case LWF, FINE_TUNING -> plain(recipe);
            case JOINT -> plain(recipe).with("cross-entropy", "all").with("freeze-norm", "false").with("later-learning-rate-factor", "1")
                    .with("classifier", "head").with("exemplars", "0");
        };
    }

    private static Recipe plain(Recipe recipe) {
        return recipe.with("auxiliary-heads", "false").with("lambda-feature", "0");
    }
}
