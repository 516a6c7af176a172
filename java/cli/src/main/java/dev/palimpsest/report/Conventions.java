package dev.palimpsest.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;

/** What has to be the same before two figures may be compared, and where it is not. */
final class Conventions {
    /** Where one of these differs, accuracies are of other images: no difference between them is worth a number. */
    private static final List<String> DECIDING = List.of("data", "images evaluated", "split", "stream");

    private static final Function<SavedRun, String> DATA = run -> run.option("data");

    private static final SequencedMap<String, Function<SavedRun, String>> EACH_RUN = new LinkedHashMap<>();

    static {
        EACH_RUN.put("data", DATA);
        EACH_RUN.put("images evaluated", run -> run.option("evaluate"));
        EACH_RUN.put("share held out for validation", run -> run.option("validation"));
        EACH_RUN.put("split", run -> run.option("split"));
        EACH_RUN.put("stream", run -> run.option("stream"));
        EACH_RUN.put("class orders", run -> run.option("order"));
        EACH_RUN.put("seeds", run -> run.option("seed"));
        EACH_RUN.put("network", run -> run.option("network"));
        EACH_RUN.put("exemplars per class", run -> run.option("exemplars"));
        EACH_RUN.put("classifier", run -> run.option("classifier"));
        EACH_RUN.put("engine", run -> run.text("engine"));
        EACH_RUN.put("threads", run -> run.option("threads"));
        EACH_RUN.put("kernels", run -> run.text("kernels"));
        EACH_RUN.put("processor", run -> run.text("cpu"));
        EACH_RUN.put(
                "version",
                run -> run.run().at("/versions/palimpsest").asText()
                        + (run.run().path("commit").isTextual() ? " " + abbreviated(run.text("commit")) : ""));
    }

    /** Options that rows are expected to differ in, or that EACH_RUN has by another name. */
    private static final Set<String> EXPECTED = Set.of(
            "method",
            "data",
            "evaluate",
            "validation",
            "split",
            "stream",
            "order",
            "seed",
            "network",
            "exemplars",
            "classifier",
            "threads",
            "data-folder",
            "teacher-memory");

    /** What a line shows of that in which rows differ. */
    private static final int MOST_VALUES = 3;

    private static final int MOST_LABELS = 2;
    private static final int MOST_CHARACTERS = 48;

    private Conventions() {}

    /** One short sentence for each thing in which the groups differ. */
    static List<String> differences(List<Group> groups) {
        List<String> sentences = new ArrayList<>();
        SequencedMap<String, Function<SavedRun, String>> all = new LinkedHashMap<>(EACH_RUN);
        // Options that all rows have; the others belong to their method.
        TreeSet<String> shared = new TreeSet<>(
                groups.isEmpty()
                        ? List.of()
                        : groups.getFirst().runs().getFirst().options().keySet());
        groups.forEach(group ->
                group.runs().forEach(run -> shared.retainAll(run.options().keySet())));
        shared.removeAll(EXPECTED);
        shared.forEach(option -> all.put("--" + option, run -> run.option(option)));
        // Files of other data sets are others, which needs no line for each.
        if (groups.stream().map(group -> values(group, DATA)).distinct().count() == 1) {
            files(groups)
                    .forEach(file -> all.put(
                            "data file " + file,
                            run -> abbreviated(
                                    run.run().path(RunRecord.DATA).path(file).asText())));
        }
        all.forEach((what, of) -> {
            SequencedMap<String, List<String>> labels = new LinkedHashMap<>();
            for (Group group : groups) {
                labels.computeIfAbsent(values(group, of), value -> new ArrayList<>())
                        .add(group.label());
            }
            if (labels.size() > 1) {
                sentences.add("Not the same: " + what + " (" + shortened(labels) + ").");
            }
        });
        if (groups.size() > 1) {
            Group first = groups.getFirst();
            groups.forEach(group -> obstacle(group, first)
                    .ifPresent(what -> sentences.add("No differences between " + group.label() + " and " + first.label()
                            + " are taken: their " + what + " are not the same.")));
        }
        return sentences;
    }

    private static String shortened(SequencedMap<String, List<String>> labels) {
        List<String> parts = new ArrayList<>();
        labels.forEach((value, members) -> {
            if (parts.size() < MOST_VALUES) {
                parts.add((value.isEmpty() ? "not recorded" : shortened(value)) + " in "
                        + (members.size() <= MOST_LABELS
                                ? String.join(", ", members)
                                : members.getFirst() + " and " + (members.size() - 1) + " more"));
            }
        });
        if (labels.size() > MOST_VALUES) {
            parts.add((labels.size() - MOST_VALUES) + " more values");
        }
        return String.join("; ", parts);
    }

    private static String shortened(String value) {
        return value.length() <= MOST_CHARACTERS ? value : value.substring(0, MOST_CHARACTERS) + "…";
    }

    private static SortedSet<String> files(List<Group> groups) {
        SortedSet<String> names = new TreeSet<>();
        groups.forEach(group -> group.runs()
                .forEach(run -> run.run().path(RunRecord.DATA).fieldNames().forEachRemaining(names::add)));
        return names;
    }

    /** What forbids to take differences between two groups. */
    static Optional<String> obstacle(Group a, Group b) {
        return DECIDING.stream()
                .filter(what -> {
                    Function<SavedRun, String> of = EACH_RUN.get(what);
                    return of != null && !values(a, of).equals(values(b, of));
                })
                .findFirst();
    }

    private static String values(Group group, Function<SavedRun, String> of) {
        TreeSet<String> values = new TreeSet<>();
        group.runs().forEach(run -> values.add(of.apply(run)));
        return String.join(",", values);
    }

    private static String abbreviated(String hash) {
        return hash.length() < 12 ? hash : hash.substring(0, 12) + (hash.endsWith("-dirty") ? "-dirty" : "");
    }
}
