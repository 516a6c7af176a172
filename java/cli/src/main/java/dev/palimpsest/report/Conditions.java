package dev.palimpsest.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Under which two runs were made, as their run.json has it, and where that differs. */
final class Conditions {
    /** Options that change no bit: how many threads share the work, where files lie, when a run is cut short. */
    private static final Set<String> WITHOUT_EFFECT = Set.of("threads", "data-folder", "max-minutes", "max-memory");

    private static final SequencedMap<String, Function<JsonNode, String>> DECIDING = new LinkedHashMap<>();
    private static final SequencedMap<String, Function<JsonNode, String>> OTHERS = new LinkedHashMap<>();

    static {
        DECIDING.put("version of Palimpsest", run -> text(run.at("/versions/palimpsest")));
        DECIDING.put("commit", run -> text(run.path("commit")));
        // The number of threads, which is no part of it that decides, ends the line of the processor's engine.
        DECIDING.put("engine", run -> text(run.path("engine")).replaceFirst(", \\d+ threads?$", ""));
        DECIDING.put("kernels", run -> text(run.path("kernels")));
        DECIDING.put("processor", run -> text(run.path("cpu")));
        DECIDING.put("instructions of the processor", run -> text(run.path("isa")));
        DECIDING.put("Java", run -> text(run.at("/versions/java")));
        DECIDING.put("flags of the JVM", run -> text(run.path("jvm_flags")));
        OTHERS.put("threads", run -> text(run.path("threads")));
        OTHERS.put("cores", run -> text(run.path("cores")));
        OTHERS.put("system", run -> text(run.at("/versions/os")));
        OTHERS.put("garbage collectors", run -> text(run.path("garbage_collectors")));
    }

    private Conditions() {}

    /** What bits may depend on and is not the same: what it is, and both values. */
    static List<String> deciding(SavedRun a, SavedRun b) {
        List<String> differences = new ArrayList<>(options(a, b));
        differences.addAll(
                members("data file ", a.run().path(RunRecord.DATA), b.run().path(RunRecord.DATA)));
        differences.addAll(differences(DECIDING, a, b));
        differences.addAll(members(
                "environment variable ", a.run().path("environment"), b.run().path("environment")));
        return differences;
    }

    /** What no bit depends on and is not the same. */
    static List<String> others(SavedRun a, SavedRun b) {
        return differences(OTHERS, a, b);
    }

    /** Files of the data set that are not the same; empty also where one of the runs has not recorded any. */
    static List<String> data(SavedRun a, SavedRun b) {
        JsonNode before = a.run().path(RunRecord.DATA);
        JsonNode now = b.run().path(RunRecord.DATA);
        return before.isObject() && now.isObject() ? members("data file ", before, now) : List.of();
    }

    /**
     * Files that are not those a run recorded.
     *
     * @param recorded SHA-256 by file name, as run.json has it; weights that a run began from may be among them
     * @param read SHA-256 by file name of a data set
     * @return a few words each; empty also where nothing is recorded
     */
    static List<String> otherFiles(JsonNode recorded, SortedMap<String, String> read) {
        return !recorded.isObject()
                ? List.of()
                : read.entrySet().stream()
                        .filter(file -> !recorded.path(file.getKey()).asText().equals(file.getValue()))
                        .map(file ->
                                file.getKey() + " has the SHA-256 " + abbreviated(file.getValue()) + ", recorded is "
                                        + (recorded.has(file.getKey())
                                                ? abbreviated(recorded.path(file.getKey())
                                                        .asText())
                                                : "no file of that name"))
                        .toList();
    }

    private static String abbreviated(String sha256) {
        return sha256.length() < 12 ? sha256 : sha256.substring(0, 12) + "…";
    }

    private static List<String> options(SavedRun a, SavedRun b) {
        return members("option ", a.run().path("options"), b.run().path("options")).stream()
                .filter(difference ->
                        WITHOUT_EFFECT.stream().noneMatch(name -> difference.startsWith("option " + name + ": ")))
                .toList();
    }

    private static List<String> differences(
            SequencedMap<String, Function<JsonNode, String>> conditions, SavedRun a, SavedRun b) {
        List<String> differences = new ArrayList<>();
        conditions.forEach((what, of) -> {
            String before = of.apply(a.run());
            String now = of.apply(b.run());
            if (!before.equals(now)) {
                differences.add(difference(what, before, now));
            }
        });
        return differences;
    }

    private static List<String> members(String what, JsonNode a, JsonNode b) {
        TreeSet<String> names = new TreeSet<>();
        a.fieldNames().forEachRemaining(names::add);
        b.fieldNames().forEachRemaining(names::add);
        return names.stream()
                .filter(name -> !a.path(name).equals(b.path(name)))
                .map(name -> difference(what + name, text(a.path(name)), text(b.path(name))))
                .toList();
    }

    private static String difference(String what, String a, String b) {
        return what + ": " + (a.isEmpty() ? "none" : a) + " in the one, " + (b.isEmpty() ? "none" : b)
                + " in the other";
    }

    private static String text(JsonNode value) {
        return value.isArray()
                ? value.valueStream().map(JsonNode::asText).collect(Collectors.joining(" "))
                : value.isNull() ? "" : value.asText("");
    }
}
