package dev.palimpsest.cli;

import dev.palimpsest.internal.Nearest;
import dev.palimpsest.option.Registration;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.RecipeOptions;
import dev.palimpsest.recipe.Repeats;
import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.report.Origin;
import dev.palimpsest.train.Methods;
import java.io.IOException;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * The runs that one command stands for.
 *
 * @param name of the run among the others, for those who watch it
 * @param folder of the run, below the command's folder; empty for the run that is in it
 */
record Plan(String name, Path folder, Recipe recipe, Origin origin) {
    /**
     * The recipe and the methods run besides its own, for every class order or seed.
     *
     * @param recipeWords words of the command line that name the recipe; empty where a folder of images took its place
     * @param texts options of the file and of named sets, which may be meant for other methods
     * @param given options of the command line, which must mean something to one of the methods
     * @param baselines names of methods
     * @param repeats without seeds: the recipe's own alone
     * @throws IllegalArgumentException with a sentence, for a method there is not, one that is named twice, or an
     *     option that does nothing
     */
    static List<Plan> of(
            List<String> recipeWords,
            RecipeFile file,
            Map<String, String> texts,
            Map<String, String> given,
            List<String> baselines,
            Repeats repeats) {
        SequencedMap<String, String> options = new LinkedHashMap<>(texts);
        options.putAll(given);
        String own = Recipe.of(options).method();
        List<Plan> plans = new ArrayList<>();
        boolean once = repeats.seeds().isEmpty();
        for (String seed : once ? List.of("") : repeats.seeds()) {
            Path folder = Path.of(once ? "" : repeats.word() + "-" + seed);
            if (!once) {
                repeats.set(options, seed);
            }
            for (String method : methods(own, baselines)) {
                options.put("method", method);
                Recipe recipe = Recipe.of(options);
                plans.add(new Plan(
                        method + (once ? "" : ", " + repeats.word() + " " + seed),
                        method.equals(own) ? folder : folder.resolve(method),
                        recipe,
                        new Origin(file.name(), command(recipeWords, file, recipe))));
            }
        }
        requireEffect(plans, given);
        requireDistinct(plans, repeats);
        return plans;
    }

    private static Set<String> methods(String own, List<String> baselines) {
        List<String> known = Methods.all().stream().map(Registration::name).toList();
        Set<String> all = new LinkedHashSet<>(List.of(own));
        for (String method : baselines) {
            if (!known.contains(method)) {
                throw new IllegalArgumentException("--baselines " + method + ": expected methods of "
                        + String.join(", ", known) + Nearest.suggestion(method, known));
            }
            if (!all.add(method)) {
                throw new IllegalArgumentException("--baselines " + method + ": it runs already"
                        + (method.equals(own) ? ", as the recipe's own method" : ", as it is named twice"));
            }
        }
        return all;
    }

    /** Refuses an option of the command line that does nothing in any of the runs. */
    private static void requireEffect(List<Plan> plans, Map<String, String> given) {
        given.forEach((name, text) -> {
            List<Optional<String>> refusals = plans.stream()
                    .map(plan -> RecipeOptions.refusal(plan.recipe(), name, text))
                    .toList();
            if (refusals.stream().allMatch(Optional::isPresent)) {
                throw new IllegalArgumentException("--" + refusals.getFirst().orElseThrow());
            }
        });
    }

    /**
     * Every variant of a suite, for every class order or seed.
     *
     * @param seeds instead of the suite's own; empty: those
     * @param given options that take precedence over the suite's
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
                    Recipe recipe = variant(suite, block, label, texts);
                    plans.add(new Plan(
                            block.title() + ", " + label + ", " + repeats.word() + " " + seed,
                            Path.of(fileName(block.title()), fileName(label), repeats.word() + "-" + seed),
                            recipe,
                            new Origin(
                                    file.name(),
                                    command(named(block.recipe()), file, recipe),
                                    block.title(),
                                    label,
                                    block.reference())));
                }
            }
        }
        requireEffect(plans, given);
        requireDistinct(plans, repeats);
        return plans;
    }

    /** What a variant's line sets must mean something for its method; what its block sets may be for others. */
    private static Recipe variant(SuiteFile suite, SuiteFile.Block block, String label, Map<String, String> texts) {
        try {
            Recipe recipe = Recipe.of(texts);
            Objects.requireNonNull(block.own().get(label))
                    .forEach((name, text) -> RecipeOptions.refusal(recipe, name, texts.getOrDefault(name, text))
                            .ifPresent(sentence -> {
                                throw new IllegalArgumentException(sentence);
                            }));
            return recipe;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "suite " + suite.name() + ", " + block.title() + ", " + label + ": " + e.getMessage(), e);
        }
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

    /** A recipe as any working directory can name it. */
    static List<String> named(String recipe) {
        return List.of(
                RecipeFile.builtIn().contains(recipe)
                        ? recipe
                        : Path.of(recipe).toAbsolutePath().toString());
    }

    /**
     * The command that repeats one run: what differs from the recipe, and the threads, which differ between machines.
     */
    private static String command(List<String> recipeWords, RecipeFile file, Recipe recipe) {
        List<String> words = new ArrayList<>(List.of("palimpsest", "train"));
        words.addAll(recipeWords);
        Map<String, String> unchanged = file.recipe().toMap();
        recipe.toMap().forEach((name, text) -> {
            if (name.equals("threads") || !text.equals(unchanged.get(name))) {
                words.addAll(List.of("--" + name, text));
            }
        });
        return Words.join(words);
    }
}
