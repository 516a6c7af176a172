package dev.palimpsest.cli;

import dev.palimpsest.method.Methods;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Nearest;
import dev.palimpsest.recipe.Option;
import dev.palimpsest.recipe.Recipe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;

/**
 * The runs that one command stands for.
 *
 * @param folder of the run, below the command's folder; empty for the run that is in it
 */
record Plan(Path folder, Recipe recipe) {
    /**
     * The recipe and the methods beside it, for every class order.
     *
     * @param beside names of methods
     * @param orders seeds; empty: the recipe's own order alone
     * @throws IllegalArgumentException with a sentence, for a method there is not, or one that is named twice
     */
    static List<Plan> of(Recipe recipe, List<String> beside, List<String> orders) {
        List<String> methods = Arrays.stream(MethodOptions.Kind.values()).map(Option::label).toList();
        String own = Option.label(recipe.method().kind());
        LinkedHashSet<String> all = new LinkedHashSet<>(List.of(own));
        for (String method : beside) {
            if (!methods.contains(method)) {
                throw new IllegalArgumentException("--beside " + method + ": expected methods of " + String.join(", ", methods)
                        + Nearest.suggestion(method, methods));
            }
            if (!all.add(method)) {
                throw new IllegalArgumentException("--beside " + method + ": it runs already"
                        + (method.equals(own) ? ", as the recipe's own method" : ", as it is named twice"));
            }
        }
        List<Plan> plans = new ArrayList<>();
        for (String order : orders.isEmpty() ? List.of(recipe.toMap().get("order")) : orders) {
            Path folder = Path.of(orders.isEmpty() ? "" : "order-" + order);
            Recipe ordered = recipe.with("order", order);
            for (String method : all) {
                plans.add(new Plan(method.equals(own) ? folder : folder.resolve(method), Methods.settled(ordered.with("method", method))));
            }
        }
        if (plans.stream().map(Plan::folder).distinct().count() < plans.size()) {
            throw new IllegalArgumentException("--orders " + String.join(",", orders) + ": expected every seed once");
        }
        return plans;
    }
}
