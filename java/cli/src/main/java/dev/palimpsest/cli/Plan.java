package dev.palimpsest.cli;

import dev.palimpsest.method.Methods;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Nearest;
import dev.palimpsest.recipe.Option;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.Repeats;
import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.report.RunFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The runs that one command stands for.
 *
 * @param name of the run among the others, for those who watch it
 * @param folder of the run, below the command's folder; empty for the run that is in it
 */
record Plan(String name, Path folder, Recipe recipe, RunFolder.Origin origin) {
    /**
     * The recipe and the methods beside it, for every class order or seed.
     *
     * @param recipeName as the user gave it
     * @param recipe the file's, and what the command line changes
     * @param beside names of methods
     * @param repeats without seeds: the recipe's own alone
     * @throws IllegalArgumentException with a sentence, for a method there is not, or one that is named twice
     */
    static List<Plan> of(String recipeName, RecipeFile file, Recipe recipe, List<String> beside, Repeats repeats) {
        List<String> methods =
                Arrays.stream(MethodOptions.Kind.values()).map(Option::label).toList();
        String own = Option.label(recipe.method().kind());
        LinkedHashSet<String> all = new LinkedHashSet<>(List.of(own));
        for (String method : beside) {
            if (!methods.contains(method)) {
                throw new IllegalArgumentException("--beside " + method + ": expected methods of "
                        + String.join(", ", methods) + Nearest.suggestion(method, methods));
            }
            if (!all.add(method)) {
                throw new IllegalArgumentException("--beside " + method + ": it runs already"
                        + (method.equals(own) ? ", as the recipe's own method" : ", as it is named twice"));
            }
        }
        List<Plan> plans = new ArrayList<>();
        boolean once = repeats.seeds().isEmpty();
        for (String seed : once ? List.of("") : repeats.seeds()) {
            Path folder = Path.of(once ? "" : repeats.word() + "-" + seed);
            Map<String, String> texts = recipe.toMap();
            if (!once) {
                repeats.set(texts, seed);
            }
            for (String method : all) {
                Recipe settled = Methods.settled(Recipe.of(texts).with("method", method));
                plans.add(new Plan(
                        method + (once ? "" : ", " + repeats.word() + " " + seed),
                        method.equals(own) ? folder : folder.resolve(method),
                        settled,
                        new RunFolder.Origin(file.name(), command(recipeName, file, settled))));
            }
        }
        requireDistinct(plans, repeats);
        return plans;
    }

    /**
     * Every variant of a suite, for every class order or seed.
     *
     * @param seeds instead of the suite's own; empty: those
     * @param given options that go before the suite's
     * @throws IllegalArgumentException with a sentence, for a recipe there is not or options that cannot be
     */
    static List<Plan> of(SuiteFile suite, List<String> seeds, Map<String, String> given) throws IOException {
        List<Plan> plans = new ArrayList<>();
        Repeats repeats = seeds.isEmpty() ? suite.repeats() : suite.repeats().withSeeds(seeds);
        // The first seed of everything comes first: a suite that is cut short has compared every variant on some of
        // them.
        for (String seed : repeats.seeds()) {
            for (SuiteFile.Block block : suite.blocks()) {
                RecipeFile file = RecipeFile.load(block.recipe());
                for (String label : block.variants().keySet()) {
                    Map<String, String> texts = new LinkedHashMap<>(file.texts());
                    texts.putAll(block.variants().get(label));
                    texts.putAll(given);
                    repeats.set(texts, seed);
                    Recipe recipe;
                    try {
                        recipe = Methods.settled(Recipe.of(texts));
                        Methods.of(recipe).close();
                    } catch (IllegalArgumentException e) {
                        throw new IllegalArgumentException(
                                "suite " + suite.name() + ", " + block.title() + ", " + label + ": " + e.getMessage(),
                                e);
                    }
                    plans.add(new Plan(
                            block.title() + ", " + label + ", " + repeats.word() + " " + seed,
                            Path.of(fileName(block.title()), fileName(label), repeats.word() + "-" + seed),
                            recipe,
                            new RunFolder.Origin(
                                    file.name(),
                                    command(block.recipe(), file, recipe),
                                    block.title(),
                                    label,
                                    block.reference())));
                }
            }
        }
        requireDistinct(plans, repeats);
        return plans;
    }

    private static void requireDistinct(List<Plan> plans, Repeats repeats) {
        if (repeats.seeds().stream().distinct().count() < repeats.seeds().size()) {
            throw new IllegalArgumentException(
                    "--" + repeats.word() + "s " + String.join(",", repeats.seeds()) + ": expected every seed once");
        }
        Map<Path, Plan> byFolder = new LinkedHashMap<>();
        for (Plan plan : plans) {
            Plan other = byFolder.put(plan.folder(), plan);
            if (other != null) {
                throw new IllegalArgumentException(other.name() + " and " + plan.name() + " would share the folder "
                        + plan.folder() + ": give them labels that differ in more than punctuation");
            }
        }
    }

    /** {@code M2KD + pruning} lies in {@code m2kd-pruning}. */
    private static String fileName(String label) {
        String plain = Normalizer.normalize(label, Normalizer.Form.NFKD)
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
        return plain.isEmpty() ? "-" : plain;
    }

    /**
     * The command that repeats one run: what differs from the recipe, and the threads, which differ between machines.
     */
    private static String command(String recipeName, RecipeFile file, Recipe recipe) {
        List<String> words = new ArrayList<>(List.of("palimpsest", "train", recipeName));
        Map<String, String> unchanged = file.recipe().toMap();
        recipe.toMap().forEach((name, text) -> {
            if (name.equals("threads") || !text.equals(unchanged.get(name))) {
                words.addAll(List.of("--" + name, text));
            }
        });
        return Words.join(words);
    }
}
