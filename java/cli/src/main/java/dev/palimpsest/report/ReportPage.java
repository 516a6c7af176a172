package dev.palimpsest.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The page, part by part. */
final class ReportPage {
    private static final String CONVENTIONS = """
        Accuracies are in percent, single-head: an image counts as right if the highest of all classes seen so far \
        is its own, with no hint which experience it is from. The average incremental accuracy is the mean over \
        experiences of the accuracy on all classes seen by then, the first experience included; the next column \
        leaves the first experience out. Within experience is what a task label would give; its distance from the \
        final accuracy is confusion between experiences. Forgetting is the mean over earlier experiences of the \
        best accuracy before the last experience minus the accuracy after it (Chaudhry et al. 2018, eq. 3), negative \
        where the last experience helped: read it together with the final accuracy, because a network that learnt \
        nothing new forgets nothing.\
        """;

    private final Comparison comparison;
    private final List<SavedRun> runs;
    private final List<Group> groups;
    private final List<String> warnings = new ArrayList<>();
    private final StringBuilder html = new StringBuilder();

    ReportPage(Comparison comparison) {
        this.comparison = comparison;
        this.runs = comparison.runs();
        this.groups = comparison.blocks().stream()
                .flatMap(block -> block.groups().stream())
                .toList();
        for (SavedRun run : runs) {
            if (run.metrics().isEmpty()) {
                String reason = run.text("reason");
                warnings.add(run.folder() + " is left out: "
                        + (reason.isEmpty() || reason.equals("null")
                                ? "the run did not finish."
                                : "the run failed. " + reason));
            }
        }
    }

    /** What could not be shown; complete after {@link #html()}. */
    List<String> warnings() {
        return List.copyOf(warnings);
    }

    String html() throws IOException {
        html.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Palimpsest: ")
                .append(Html.escape(runs.getFirst().text("recipe")))
                .append("</title>\n<style>\n")
                .append(style())
                .append("</style>\n</head>\n<body>\n<main>\n");
        header();
        if (groups.isEmpty()) {
            html.append("<p>No run has a result yet.</p>\n");
        } else {
            comparison.blocks().forEach(this::block);
            note();
            comparison.blocks().forEach(this::plots);
            losses();
        }
        warnings.forEach(warning -> html.append("<p class=\"warning\">")
                .append(Html.escape(warning))
                .append("</p>\n"));
        repeat();
        details();
        return html.append("</main>\n</body>\n</html>\n").toString();
    }

    private void header() {
        SavedRun run = runs.getFirst();
        String exemplars =
                runs.stream().map(each -> each.option("exemplars")).distinct().count() > 1
                        ? "several numbers of"
                        : run.option("exemplars");
        long orders = runs.stream().map(each -> each.option("order")).distinct().count();
        html.append("<header>\n<p class=\"brand\">Palimpsest</p>\n<h1>")
                .append(Html.escape(run.text("recipe")))
                .append("</h1>\n<p>")
                .append(Html.escape(String.join(
                        " · ",
                        run.option("data"),
                        stream(run),
                        run.option("network"),
                        exemplars.equals("0") ? "no exemplars" : exemplars + " exemplars per class",
                        orders == 1 ? "class order " + run.option("order") : orders + " class orders")))
                .append("</p>\n</header>\n");
    }

    private static String stream(SavedRun run) {
        return run.option("stream").equals("repetition")
                ? run.option("experiences") + " experiences with repetition, pool " + run.option("pool")
                : "split " + run.option("split");
    }

    private void block(Comparison.Block block) {
        html.append("<section>\n<h2>")
                .append(block.title().isEmpty() ? "Comparison" : Html.escape(block.title()))
                .append("</h2>\n");
        table(block.means());
        block.differences().ifPresent(differences -> {
            html.append("<p>").append(Html.escape(block.caption())).append("</p>\n");
            table(differences);
        });
        html.append("</section>\n");
    }

    private void table(Table table) {
        html.append("<div class=\"wide\"><table>\n<thead><tr>");
        for (String title : table.heading()) {
            String meaning = Figure.ALL.stream()
                    .filter(figure -> figure.title().equals(title))
                    .map(Figure::meaning)
                    .findFirst()
                    .orElse("");
            html.append("<th scope=\"col\" title=\"")
                    .append(Html.escape(meaning))
                    .append("\">")
                    .append(Html.escape(title))
                    .append("</th>");
        }
        html.append("</tr></thead>\n<tbody>\n");
        for (List<String> row : table.rows()) {
            html.append("<tr><th scope=\"row\">")
                    .append(Html.escape(row.getFirst()))
                    .append("</th>");
            row.stream()
                    .skip(1)
                    .forEach(text ->
                            html.append("<td>").append(Html.escape(text)).append("</td>"));
            html.append("</tr>\n");
        }
        html.append("</tbody>\n</table></div>\n");
    }

    private void note() {
        boolean several = groups.stream().anyMatch(group -> group.runs().size() > 1);
        html.append("<p class=\"note\">")
                .append(
                        several
                                ? "Mean ± standard deviation over " + comparison.repeats() + ". "
                                : "One class order: differences of a few points are noise. ")
                .append(CONVENTIONS)
                .append("</p>\n");
        comparison
                .warnings()
                .forEach(sentence -> html.append("<p class=\"warning\">")
                        .append(Html.escape(sentence))
                        .append("</p>\n"));
    }

    private void plots(Comparison.Block block) {
        String of = block.title().isEmpty() ? "" : ", " + block.title();
        try {
            figure(
                    "Accuracy over experiences" + of,
                    Plots.accuracy(block.groups(), comparison.blocks().indexOf(block)),
                    "After each experience, on the test images of all classes seen so far."
                            + (block.reference().runs().size() > 1
                                    ? " Bars are one standard deviation over " + comparison.repeats() + "."
                                    : ""));
            StringBuilder matrices = new StringBuilder("<div class=\"grid\">");
            for (Group group : block.groups()) {
                matrices.append("<div><h3>")
                        .append(Html.escape(group.label()))
                        .append("</h3>")
                        .append(Plots.matrix(group, groups.indexOf(group)))
                        .append("</div>");
            }
            figure(
                    "Accuracy matrix" + of,
                    matrices.append("</div>").toString(),
                    "Row i, column j: percent right after experience i on the classes that came with experience j.");
        } catch (IOException e) {
            warn(e);
        }
    }

    /** Of one run: a page for every one would hide the rest. */
    private void losses() {
        Group main = groups.getFirst();
        try {
            Plots.losses(main.runs().getFirst())
                    .ifPresent(losses -> figure(
                            "Loss terms",
                            losses,
                            main.label() + ", class order "
                                    + main.runs().getFirst().option("order")
                                    + ". Terms as they enter the sum; a term is absent while there is no earlier"
                                    + " snapshot."));
            Plots.memory(main)
                    .ifPresent(memory -> figure(
                            "Snapshot memory",
                            memory,
                            String.format(
                                    Locale.ROOT,
                                    "All earlier models take %,d bytes (%.2f bits per weight, and norms and heads);"
                                            + " full copies would take %,d bytes.",
                                    main.first().snapshotBytes(),
                                    main.first().bitsPerWeight(),
                                    main.first().fullCopiesBytes())));
        } catch (IOException e) {
            warn(e);
        }
    }

    private void warn(IOException e) {
        if (!warnings.contains(e.getMessage())) {
            warnings.add(e.getMessage());
        }
    }

    private void figure(String title, String content, String caption) {
        html.append("<section>\n<h2>")
                .append(title)
                .append("</h2>\n<figure>")
                .append(content)
                .append("<figcaption>")
                .append(Html.escape(caption))
                .append("</figcaption></figure>\n</section>\n");
    }

    private void repeat() {
        html.append("<section>\n<h2>Repeat it</h2>\n")
                .append("<p>The same command on the same kind of machine gives the same weights bit for bit.</p>\n"
                        + "<pre>");
        new LinkedHashSet<>(runs.stream().map(run -> run.text("command")).toList())
                .forEach(command -> html.append(Html.escape(command)).append('\n'));
        html.append("</pre>\n</section>\n");
    }

    private void details() {
        html.append("<section>\n<h2>Details</h2>\n");
        for (SavedRun run : runs) {
            html.append("<details><summary>")
                    .append(Html.escape(
                            run.option("method") + ", class order " + run.option("order") + ", " + run.status()))
                    .append("</summary>\n<dl>");
            entry("folder", run.folder().toString());
            for (String key : List.of("started", "finished", "weights_sha256", "commit", "cpu", "kernels", "threads")) {
                entry(key.replace('_', ' '), run.text(key));
            }
            entry("reason", run.text("reason"));
            run.run()
                    .path("milliseconds_per_step")
                    .properties()
                    .forEach(part -> entry(
                            "milliseconds per step, " + part.getKey(),
                            part.getValue().asText()));
            run.run()
                    .path("versions")
                    .properties()
                    .forEach(version ->
                            entry(version.getKey(), version.getValue().asText()));
            run.run()
                    .path("data_sha256")
                    .properties()
                    .forEach(file ->
                            entry("SHA-256 of " + file.getKey(), file.getValue().asText()));
            for (Map.Entry<String, String> option : run.options().entrySet()) {
                entry(option.getKey(), option.getValue());
            }
            html.append("</dl></details>\n");
        }
        html.append("</section>\n");
    }

    private void entry(String key, String value) {
        if (!value.isEmpty() && !value.equals("null")) {
            html.append("<dt>")
                    .append(Html.escape(key))
                    .append("</dt><dd>")
                    .append(Html.escape(value))
                    .append("</dd>\n");
        }
    }

    private static String style() throws IOException {
        try (InputStream in = ReportPage.class.getResourceAsStream("/dev/palimpsest/report/report.css")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
