package dev.palimpsest.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeSet;
import java.util.function.Function;

/** What has to be the same before two figures may be compared, and where it is not. */
final class Conventions {
    private static final SequencedMap<String, Function<SavedRun, String>> EACH_RUN = new LinkedHashMap<>();

    static {
        EACH_RUN.put("data", run -> run.option("data"));
        EACH_RUN.put("data files", run -> sha256(run.run().path("data_sha256")));
        EACH_RUN.put("images evaluated", run -> run.option("evaluate"));
        EACH_RUN.put("share held out for validation", run -> run.option("validation"));
        EACH_RUN.put("split", run -> run.option("split"));
        EACH_RUN.put("class orders", run -> run.option("order"));
        EACH_RUN.put("seeds", run -> run.option("seed"));
        EACH_RUN.put("network", run -> run.option("network"));
        EACH_RUN.put("exemplars per class", run -> run.option("exemplars"));
        EACH_RUN.put("classifier", run -> run.option("classifier"));
        EACH_RUN.put("threads", run -> run.option("threads"));
        EACH_RUN.put("kernels", run -> run.text("kernels"));
        EACH_RUN.put("processor", run -> run.text("cpu"));
        EACH_RUN.put(
                "version",
                run -> run.run().at("/versions/palimpsest").asText()
                        + (run.run().path("commit").isTextual() ? " " + abbreviated(run.text("commit")) : ""));
    }

    private Conventions() {}

    /** One sentence for everything in which the groups differ. */
    static List<String> differences(List<Group> groups) {
        List<String> sentences = new ArrayList<>();
        EACH_RUN.forEach((what, of) -> {
            SequencedMap<String, List<String>> labels = new LinkedHashMap<>();
            for (Group group : groups) {
                TreeSet<String> values = new TreeSet<>();
                group.runs().forEach(run -> values.add(of.apply(run)));
                labels.computeIfAbsent(String.join(",", values), value -> new ArrayList<>())
                        .add(group.label());
            }
            if (labels.size() > 1) {
                List<String> parts = new ArrayList<>();
                labels.forEach((value, members) ->
                        parts.add((value.isEmpty() ? "not recorded" : value) + " in " + String.join(", ", members)));
                sentences.add("Not the same: " + what + " (" + String.join("; ", parts) + ").");
            }
        });
        return sentences;
    }

    private static String sha256(JsonNode files) {
        List<String> all = new ArrayList<>();
        files.properties()
                .forEach(file -> all.add(
                        file.getKey() + " " + abbreviated(file.getValue().asText())));
        return String.join(" ", all);
    }

    private static String abbreviated(String hash) {
        return hash.length() < 12 ? hash : hash.substring(0, 12) + (hash.endsWith("-dirty") ? "-dirty" : "");
    }
}
