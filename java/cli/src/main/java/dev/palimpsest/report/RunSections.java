package dev.palimpsest.report;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.SequencedSet;

/** Sections of the page about runs rather than methods: what they took, how they are repeated, what they were. */
final class RunSections {
    private RunSections() {}

    /** Time by part and hardware, a row for every group's first run. */
    static void time(List<Group> groups, Html html) {
        SequencedSet<String> parts = new LinkedHashSet<>();
        for (Group group : groups) {
            parts(group).forEach(parts::add);
        }
        List<String> heading = new ArrayList<>(List.of("ms per step"));
        heading.addAll(parts);
        heading.addAll(List.of("seconds", "engine", "threads", "processor", "cores", "Java"));
        List<List<String>> rows = new ArrayList<>();
        for (Group group : groups) {
            SavedRun run = group.runs().getFirst();
            List<String> row = new ArrayList<>(List.of(group.label()));
            parts.forEach(part -> row.add(milliseconds(run, part)));
            row.add(String.format(Locale.ROOT, "%.1f", group.first().seconds()));
            row.addAll(List.of(
                    known(run.text("engine")),
                    known(run.text("threads")),
                    known(run.text("cpu")),
                    known(run.text("cores")),
                    known(run.run().at("/versions/java").asText(""))));
            rows.add(row);
        }
        html.open("section").element("h2", "Time and hardware");
        ReportPage.table(html, new Table(heading, rows));
        html.element(
                        "p",
                        "Milliseconds of an optimiser step by what they are spent on, training alone; seconds include"
                                + " evaluation. The first run of each row.",
                        "class",
                        "note")
                .close();
    }

    private static List<String> parts(Group group) {
        return group.runs().getFirst().run().path("milliseconds_per_step").properties().stream()
                .map(part -> part.getKey())
                .toList();
    }

    private static String milliseconds(SavedRun run, String part) {
        double milliseconds = run.run().path("milliseconds_per_step").path(part).asDouble(Double.NaN);
        return Double.isNaN(milliseconds) ? "–" : String.format(Locale.ROOT, "%.2f", milliseconds);
    }

    private static String known(String text) {
        return text.isEmpty() || text.equals("null") ? "–" : text;
    }

    /** The commands. */
    static void repeat(List<SavedRun> runs, Html html) {
        html.open("section")
                .element("h2", "Repeat it")
                .element("p", "The same command on the same kind of machine gives the same weights bit for bit.")
                .open("pre");
        new LinkedHashSet<>(runs.stream().map(run -> run.text("command")).toList())
                .forEach(command -> html.element("span", command));
        html.close().close();
    }

    /** All that run.json holds. */
    static void details(List<SavedRun> runs, Html html) {
        html.open("section").element("h2", "Details");
        for (SavedRun run : runs) {
            html.open("details")
                    .element(
                            "summary",
                            run.option("method") + ", class order " + run.option("order") + ", " + run.status())
                    .open("dl");
            entry(html, "folder", run.folder().toString());
            for (String key : List.of("started", "finished", "weights_sha256", "commit", "cpu", "kernels", "threads")) {
                entry(html, key.replace('_', ' '), run.text(key));
            }
            entry(html, "reason", run.text("reason"));
            object(html, run, "milliseconds_per_step", "milliseconds per step, ");
            object(html, run, "seconds_by_part", "seconds, ");
            object(html, run, "bytes", "bytes, ");
            object(html, run, "classification", "classification, ");
            object(html, run, "versions", "");
            object(html, run, "data_sha256", "SHA-256 of ");
            run.options().forEach((name, text) -> entry(html, name, text));
            html.close().close();
        }
        html.close();
    }

    private static void object(Html html, SavedRun run, String key, String prefix) {
        run.run()
                .path(key)
                .properties()
                .forEach(part -> entry(
                        html,
                        prefix + part.getKey().replace('_', ' '),
                        part.getValue().asText()));
    }

    private static void entry(Html html, String key, String value) {
        if (!value.isEmpty() && !value.equals("null")) {
            html.element("dt", key).element("dd", value);
        }
    }
}
