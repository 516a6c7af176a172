package dev.palimpsest.recipe;

import dev.palimpsest.train.Method;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;

/** Runs recipes with methods that tests look on at. */
public final class Runs {
    private Runs() {}

    /** @param method does what the recipe's does */
    public static Result run(Recipe recipe, Method method, Progress progress) {
        return recipe.experiment(method).listen(progress).run();
    }

    public static Result run(Recipe recipe, Progress progress) {
        return run(recipe, recipe.newMethod(), progress);
    }
}
