package dev.palimpsest.recipe;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * Everything that decides a run: the same recipe on the same machine gives the same weights bit for bit. Immutable and
 * checked.
 *
 * @param seed of initial weights, shuffling, augmentation and exemplars; the class order has its own seed
 * @param threads that compute; results do not change between runs with the same number
 * @param teacherMemory most that the frozen teachers and their kept outputs may take; results do not depend on it
 */
public record Recipe(
        DataOptions data,
        RepetitionOptions repetition,
        ModelOptions model,
        OptimiserOptions optimiser,
        MethodOptions method,
        ExemplarOptions exemplars,
        MlkdOptions mlkd,
        BudgetOptions budget,
        ComputeOptions compute,
        long seed,
        int threads,
        MemorySize teacherMemory) {
    /** Options with a common subject, under one heading of the help text. */
    public record Section(String title, List<Option<?>> options) {}

    private static final String ALL_CORES = "auto";
    static final Option<Long> SEED = new Option<>(
            "seed",
            "N",
            "1",
            "Seed of weights, shuffling, augmentation and exemplars.",
            text -> Option.parseLong("seed", text),
            Recipe::seed);
    static final Option<Integer> THREADS = new Option<>(
            "threads",
            "auto|N",
            ALL_CORES,
            "Threads that compute; auto: one a core.",
            text -> text.equals(ALL_CORES)
                    ? Runtime.getRuntime().availableProcessors()
                    : Option.parseInt("threads", text),
            Recipe::threads);
    static final Option<MemorySize> TEACHER_MEMORY = new Option<>(
            "teacher-memory",
            "SIZE",
            "2G",
            "Most that compiled teachers and their kept outputs may take, such as 512M; 0: compiled anew for every"
                    + " batch. Results are the same.",
            text -> MemorySize.parse("teacher-memory", text),
            Recipe::teacherMemory);

    private static final List<Section> SECTIONS = List.of(
            new Section("Data", DataOptions.ALL),
            new Section("Stream with repetition", RepetitionOptions.ALL),
            new Section("Network", ModelOptions.ALL),
            new Section("Method", MethodOptions.ALL),
            new Section("Exemplars", ExemplarOptions.ALL),
            new Section("Method mlkd", MlkdOptions.ALL),
            new Section("Optimiser", OptimiserOptions.ALL),
            new Section("Device", ComputeOptions.ALL),
            new Section("Budget", BudgetOptions.ALL),
            new Section("Repeatability", List.of(SEED, THREADS)),
            new Section("Memory", List.of(TEACHER_MEMORY)));

    /** @throws IllegalArgumentException if there is not at least one thread, or not an exemplar for every class */
    public Recipe {
        Check.atLeast("threads", threads, 1);
        int classes = data.split().classes();
        Check.that(
                exemplars.budget() == 0 || exemplars.budget() >= classes,
                "exemplar-budget",
                exemplars.budget(),
                "0, or at least 1 for each of the " + classes + " classes");
    }

    /** Every option, by subject, in the order of the help text. */
    public static List<Section> sections() {
        return SECTIONS;
    }

    /** Names of all options. */
    public static List<String> optionNames() {
        List<String> names = new ArrayList<>();
        SECTIONS.forEach(section -> section.options().forEach(option -> names.add(option.name())));
        return names;
    }

    /**
     * A recipe from texts by option name, as a recipe file gives them; what is missing has its default.
     *
     * @throws IllegalArgumentException with a sentence, for an unknown name or a value that cannot be
     */
    public static Recipe of(Map<String, String> texts) {
        List<String> names = optionNames();
        for (String name : texts.keySet()) {
            if (!names.contains(name)) {
                throw new IllegalArgumentException(
                        name + " is not an option of a recipe" + Nearest.suggestion(name, names));
            }
        }
        Values values = new Values(texts);
        return new Recipe(
                DataOptions.of(values),
                RepetitionOptions.of(values),
                ModelOptions.of(values),
                OptimiserOptions.of(values),
                MethodOptions.of(values),
                ExemplarOptions.of(values),
                MlkdOptions.of(values),
                BudgetOptions.of(values),
                ComputeOptions.of(values),
                values.get(SEED),
                values.get(THREADS),
                values.get(TEACHER_MEMORY));
    }

    /** This recipe with one option changed: {@code recipe.with("method", "lwf")}. */
    public Recipe with(String name, String text) {
        Map<String, String> texts = toMap();
        texts.put(name, text);
        return of(texts);
    }

    /** Every option by name, as a recipe file would say it; {@link #of} gives the same recipe back. */
    public SequencedMap<String, String> toMap() {
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        SECTIONS.forEach(section -> section.options().forEach(option -> texts.put(option.name(), option.text(this))));
        return texts;
    }
}
