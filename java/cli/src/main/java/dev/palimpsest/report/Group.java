package dev.palimpsest.report;

import dev.palimpsest.option.Registration;
import dev.palimpsest.train.Methods;
import java.util.ArrayList;
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
 * @param label the variant of the suite or the method, and the options that distinguish it from other rows of the same
 *     name
 * @param runs with a result
 */
record Group(String label, List<SavedRun> runs) {
    private static final List<String> REPEATED = List.of("order", "seed", "threads", "teacher-memory", "data-folder");

    /** What runs of a group have in common. */
    private record Key(String block, String name, Map<String, String> options) {}

    /**
     * Finished runs by everything but class order and seed: a suite's in the order in which they are given, others by
     * method, M2KD first and the upper bound last.
     */
    static List<Group> of(List<SavedRun> runs) {
        SequencedMap<Key, List<SavedRun>> byKey = new LinkedHashMap<>();
        for (SavedRun run : runs) {
            if (run.isComparable()) {
                Map<String, String> options = run.options();
                REPEATED.forEach(options::remove);
                String name = run.text("label").isEmpty() ? run.option("method") : run.text("label");
                byKey.computeIfAbsent(new Key(run.text("block"), name, options), key -> new ArrayList<>())
                        .add(run);
            }
        }
        List<Group> groups = new ArrayList<>();
        byKey.forEach((key, members) -> groups.add(new Group(label(key, byKey.keySet()), members)));
        List<String> methods =
                new ArrayList<>(Methods.all().stream().map(Registration::name).toList());
        // Methods that are not on this class path come last, in the order in which they were found.
        groups.stream()
                .map(group -> group.runs().getFirst().option("method"))
                .filter(method -> !methods.contains(method))
                .distinct()
                .toList()
                .forEach(methods::add);
        groups.sort(Comparator.comparingInt(
                group -> group.runs().getFirst().text("label").isEmpty()
                        ? methods.indexOf(group.runs().getFirst().option("method"))
                        : -1));
        return groups;
    }

    private static String label(Key key, Iterable<Key> all) {
        TreeSet<String> distinguishing = new TreeSet<>();
        for (Key other : all) {
            if (key.block().equals(other.block()) && key.name().equals(other.name())) {
                key.options().forEach((name, text) -> {
                    if (!text.equals(other.options().get(name))) {
                        distinguishing.add(name);
                    }
                });
            }
        }
        if (distinguishing.isEmpty()) {
            return key.name();
        }
        return key.name() + " ("
                + String.join(
                        ", ",
                        distinguishing.stream()
                                .map(name -> name + " " + key.options().get(name))
                                .toList()) + ")";
    }

    /** Title of the suite's block; empty for runs of no suite. */
    String block() {
        return runs.getFirst().text("block");
    }

    /** Label of the row that the suite pairs others with; empty for runs of no suite. */
    String reference() {
        return runs.getFirst().text("reference");
    }

    /** A figure of metrics.json over the runs; runs where it is null are left out. */
    Spread spread(Function<Metrics, Number> figure) {
        return Spread.of(runs.stream()
                .map(run -> figure.apply(run.metrics().orElseThrow()))
                .filter(value -> value != null)
                .mapToDouble(Number::doubleValue)
                .toArray());
    }

    /** Experiences that all runs have passed; one that was stopped early has fewer. */
    int experiences() {
        return runs.stream()
                .mapToInt(run -> run.metrics().orElseThrow().accuracy().length)
                .min()
                .orElse(0);
    }

    /** Of the first run, which stands for the group where a plot shows one. */
    Metrics first() {
        return runs.getFirst().metrics().orElseThrow();
    }
}
