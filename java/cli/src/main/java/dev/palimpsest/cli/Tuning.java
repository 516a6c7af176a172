package dev.palimpsest.cli;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.RecipeOptions;
import dev.palimpsest.recipe.Repeats;
import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.report.Comparison;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;

/**
 * Chooses options of a suite's variants on validation images: every method gets the same candidates, baselines too, on
 * class orders that the suite does not compare over. An option that does nothing for a variant, or that its own line or
 * the command line sets, is left as it is.
 */
final class Tuning {
    /** Orders or seeds that candidates are tried on. */
    static final List<String> SEEDS = List.of("11", "12", "13");

    private static final Map<String, String> ON_VALIDATION = Map.of("validation", "0.1", "evaluate", "validation");

    private final SuiteFile suite;
    private final Map<String, String> given;
    /** By block and label. */
    private final SequencedMap<List<String>, List<SequencedMap<String, String>>> candidates = new LinkedHashMap<>();

    private final List<String> sentences = new ArrayList<>();

    /**
     * Makes the candidates.
     *
     * @param given options of the command line
     * @throws IllegalArgumentException with a sentence, if the suite names no option to tune, or compares over an order
     *     that candidates are tried on
     */
    Tuning(SuiteFile suite, List<String> seeds, Map<String, String> given) throws IOException {
        this.suite = suite;
        this.given = given;
        if (suite.blocks().stream().allMatch(block -> block.tuned().isEmpty())) {
            throw new IllegalArgumentException("--tune: the suite " + suite.name()
                    + " names nothing to choose; a line such as tune.learning-rate = 0.05,0.1,0.2 does");
        }
        if (given.containsKey("evaluate")) {
            throw new IllegalArgumentException("--tune: candidates are evaluated on validation images, and what is"
                    + " compared on test images: leave --evaluate out");
        }
        for (String seed : seeds.isEmpty() ? suite.repeats().seeds() : seeds) {
            if (SEEDS.contains(seed)) {
                throw new IllegalArgumentException("--tune: candidates are tried on " + String.join(", ", SEEDS)
                        + ", so that the comparison cannot be over " + seed + " too");
            }
        }
        for (SuiteFile.Block block : suite.blocks()) {
            for (String label : block.variants().keySet()) {
                candidates.put(List.of(block.title(), label), candidates(block, label));
            }
        }
    }

    private List<SequencedMap<String, String>> candidates(SuiteFile.Block block, String label) throws IOException {
        List<SequencedMap<String, String>> grid = List.of(new LinkedHashMap<>());
        for (Map.Entry<String, List<String>> option : block.tuned().entrySet()) {
            if (given.containsKey(option.getKey())
                    || block.own().getOrDefault(label, new LinkedHashMap<>()).containsKey(option.getKey())) {
                continue;
            }
            List<SequencedMap<String, String>> finer = new ArrayList<>();
            for (SequencedMap<String, String> coarse : grid) {
                for (String text : option.getValue()) {
                    SequencedMap<String, String> candidate = new LinkedHashMap<>(coarse);
                    candidate.put(option.getKey(), text);
                    if (isOfUse(block, label, candidate, option.getKey(), text)) {
                        finer.add(candidate);
                    }
                }
            }
            grid = finer.isEmpty() ? grid : finer;
        }
        return grid;
    }

    private boolean isOfUse(
            SuiteFile.Block block, String label, Map<String, String> candidate, String name, String text)
            throws IOException {
        Map<String, String> texts =
                new LinkedHashMap<>(RecipeFile.load(block.recipe()).texts());
        texts.putAll(block.variants().getOrDefault(label, new LinkedHashMap<>()));
        texts.putAll(candidate);
        texts.putAll(given);
        return RecipeOptions.refusal(Recipe.of(texts), name, text).isEmpty();
    }

    /** A suite of all candidates, on validation images: a block for every variant with several. */
    SuiteFile trials() {
        List<SuiteFile.Block> blocks = new ArrayList<>();
        for (SuiteFile.Block block : suite.blocks()) {
            for (String label : block.variants().keySet()) {
                List<SequencedMap<String, String>> grid = grid(block, label);
                if (grid.size() > 1) {
                    SequencedMap<String, SequencedMap<String, String>> variants = new LinkedHashMap<>();
                    SequencedMap<String, SequencedMap<String, String>> own = new LinkedHashMap<>();
                    for (SequencedMap<String, String> candidate : grid) {
                        SequencedMap<String, String> all =
                                new LinkedHashMap<>(block.variants().getOrDefault(label, candidate));
                        all.putAll(candidate);
                        all.putAll(ON_VALIDATION);
                        variants.put(text(candidate), all);
                        own.put(text(candidate), candidate);
                    }
                    blocks.add(new SuiteFile.Block(
                            title(block, label), block.recipe(), text(grid.getFirst()), variants, own, block.tuned()));
                }
            }
        }
        return new SuiteFile(
                suite.name(),
                suite.summary(),
                new Repeats(SEEDS, suite.repeats().everything()),
                blocks);
    }

    private List<SequencedMap<String, String>> grid(SuiteFile.Block block, String label) {
        return candidates.getOrDefault(List.of(block.title(), label), List.of());
    }

    private static String title(SuiteFile.Block block, String label) {
        return block.title() + ", " + label;
    }

    private static String text(SequencedMap<String, String> candidate) {
        return String.join(
                ", ",
                candidate.entrySet().stream()
                        .map(option -> option.getKey() + " " + option.getValue())
                        .toList());
    }

    /**
     * The suite with what was best of every variant: the highest mean final accuracy, the first of equal ones.
     *
     * @param plans of {@link #trials}, which have run
     * @param folder that they ran in
     * @throws IOException with a sentence, if a variant has no candidate whose runs all have a result
     */
    SuiteFile chosen(List<Plan> plans, Path folder) throws IOException {
        List<SuiteFile.Block> blocks = new ArrayList<>();
        for (SuiteFile.Block block : suite.blocks()) {
            SequencedMap<String, SequencedMap<String, String>> variants = new LinkedHashMap<>();
            for (Map.Entry<String, SequencedMap<String, String>> variant :
                    block.variants().entrySet()) {
                SequencedMap<String, String> options = new LinkedHashMap<>(variant.getValue());
                List<SequencedMap<String, String>> grid = grid(block, variant.getKey());
                if (grid.size() > 1) {
                    options.putAll(best(title(block, variant.getKey()), grid, plans, folder));
                }
                variants.put(variant.getKey(), options);
            }
            blocks.add(new SuiteFile.Block(
                    block.title(), block.recipe(), block.reference(), variants, block.own(), block.tuned()));
        }
        return new SuiteFile(suite.name(), suite.summary(), suite.repeats(), blocks);
    }

    private Map<String, String> best(
            String title, List<SequencedMap<String, String>> grid, List<Plan> plans, Path folder) throws IOException {
        SequencedMap<String, String> best = new LinkedHashMap<>();
        double highest = Double.NEGATIVE_INFINITY;
        List<String> tried = new ArrayList<>();
        for (SequencedMap<String, String> candidate : grid) {
            List<Path> runs = plans.stream()
                    .filter(plan -> plan.origin().block().equals(title)
                            && plan.origin().label().equals(text(candidate)))
                    .map(plan -> folder.resolve(plan.folder()))
                    .toList();
            OptionalDouble accuracy = Comparison.finalAccuracy(runs);
            tried.add(text(candidate) + ": "
                    + (accuracy.isEmpty()
                            ? "no result"
                            : String.format(Locale.ROOT, "%.1f", 100 * accuracy.getAsDouble())));
            if (accuracy.orElse(Double.NEGATIVE_INFINITY) > highest) {
                highest = accuracy.getAsDouble();
                best = candidate;
            }
        }
        if (best.isEmpty()) {
            throw new IOException(title + ": no candidate has a result on all of " + String.join(", ", SEEDS) + " ("
                    + String.join("; ", tried) + "): see the runs in " + folder);
        }
        sentences.add(title + ": tuned to " + text(best) + ", of " + String.join("; ", tried)
                + " (final accuracy on validation images, mean of "
                + suite.repeats().word() + "s "
                + String.join(", ", SEEDS) + ").");
        return best;
    }

    /** What was chosen for every variant, and from which candidates; after {@link #chosen}. */
    List<String> sentences() {
        return List.copyOf(sentences);
    }
}
