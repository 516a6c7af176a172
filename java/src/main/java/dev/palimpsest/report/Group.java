package dev.palimpsest.report;

import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Option;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Runs that differ in class order (and seed) alone: a row of the comparison.
 *
 * @param label the method, and the options that tell it from other rows of the same method
 * @param runs with a result
 */
record Group(String label, List<SavedRun> runs) {
    private static final List<String> REPEATED = List.of("order", "seed", "threads", "data-folder");

    /** Finished runs by everything but class order and seed; M2KD first, the upper bound last. */
    static List<Group> of(List<SavedRun> runs) {
        SequencedMap<Map<String, String>, List<SavedRun>> byOptions = new LinkedHashMap<>();
        for (SavedRun run : runs) {
            if (run.metrics().isPresent()) {
                Map<String, String> options = run.options();
                REPEATED.forEach(options::remove);
                byOptions.computeIfAbsent(options, key -> new ArrayList<>()).add(run);
            }
        }
        List<Group> groups = new ArrayList<>();
        byOptions.forEach((options, members) -> groups.add(new Group(label(options, byOptions.keySet()), members)));
        List<String> methods = Arrays.stream(MethodOptions.Kind.values()).map(Option::label).toList();
        groups.sort(Comparator.comparingInt(group -> methods.indexOf(group.runs().getFirst().option("method"))));
        return groups;
    }

    private static String label(Map<String, String> options, Iterable<Map<String, String>> all) {
        String method = options.getOrDefault("method", "");
        TreeSet<String> telling = new TreeSet<>();
        for (Map<String, String> other : all) {
            if (method.equals(other.get("method"))) {
                options.forEach((name, text) -> {
                    if (!text.equals(other.get(name))) {
                        telling.add(name);
                    }
                });
            }
        }
        if (telling.isEmpty()) {
            return method;
        }
        return method + " (" + String.join(", ", telling.stream().map(name -> name + " " + options.get(name)).toList()) + ")";
    }

    /** A figure of metrics.json over the runs; runs where it is null are left out. */
    Spread spread(Function<Metrics, Number> figure) {
        return Spread.of(runs.stream().map(run -> figure.apply(run.metrics().orElseThrow())).filter(value -> value != null)
                .mapToDouble(Number::doubleValue).toArray());
    }

    /** Of the first run, which stands for the group where a plot shows one. */
    Metrics first() {
        return runs.getFirst().metrics().orElseThrow();
    }
}
