package dev.palimpsest.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

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

    ReportPage(Comparison comparison) {
        this.comparison = comparison;
        this.runs = comparison.runs();
        this.groups = comparison.blocks().stream()
                .flatMap(block -> block.groups().stream())
                .toList();
        warnings.addAll(comparison.remarks());
    }

    /** What could not be shown; complete after {@link #html()}. */
    List<String> warnings() {
        return List.copyOf(warnings);
    }

    String html() throws IOException {
        Html html = Html.page("Palimpsest: " + runs.getFirst().text("recipe"), style())
                .open("main");
        header(html);
        if (groups.isEmpty()) {
            html.element("p", "No run has a result yet.");
        } else {
            comparison.blocks().forEach(block -> block(html, block));
            note(html);
            MethodSections methods = new MethodSections(comparison, html, warnings);
            methods.write();
            RunSections.time(groups, html);
        }
        warnings.forEach(warning -> html.element("p", warning, "class", "warning"));
        RunSections.repeat(runs, html);
        RunSections.details(runs, html);
        return html.close().close().close().toString();
    }

    private void header(Html html) {
        SavedRun run = runs.getFirst();
        String exemplars =
                runs.stream().map(each -> each.option("exemplars")).distinct().count() > 1
                        ? "several numbers of"
                        : run.option("exemplars");
        long orders = runs.stream().map(each -> each.option("order")).distinct().count();
        html.open("header")
                .element("p", "Palimpsest", "class", "brand")
                .element("h1", run.text("recipe"))
                .element(
                        "p",
                        String.join(
                                " · ",
                                run.option("data"),
                                stream(run),
                                run.option("network"),
                                exemplars.equals("0") ? "no exemplars" : exemplars + " exemplars per class",
                                orders == 1 ? "class order " + run.option("order") : orders + " class orders"))
                .close();
    }

    static String stream(SavedRun run) {
        return run.option("stream").equals("repetition")
                ? run.option("experiences") + " experiences with repetition, pool " + run.option("pool")
                : "split " + run.option("split");
    }

    private static void block(Html html, Comparison.Block block) {
        html.open("section").element("h2", block.title().isEmpty() ? "Comparison" : block.title());
        table(html, block.means());
        block.differences().ifPresent(differences -> {
            html.element("p", block.caption(), "class", "note");
            table(html, differences);
        });
        html.close();
    }

    static void table(Html html, Table table) {
        html.open("div", "class", "wide").open("table").open("thead").open("tr");
        for (String title : table.heading()) {
            String meaning = Figure.ALL.stream()
                    .filter(figure -> figure.title().equals(title))
                    .map(Figure::meaning)
                    .findFirst()
                    .orElse("");
            html.element("th", title, "scope", "col", "title", meaning);
        }
        html.close().close().open("tbody");
        for (List<String> row : table.rows()) {
            html.open("tr").element("th", row.getFirst(), "scope", "row");
            row.stream().skip(1).forEach(text -> html.element("td", text));
            html.close();
        }
        html.close().close().close();
    }

    private void note(Html html) {
        boolean several = groups.stream().anyMatch(group -> group.runs().size() > 1);
        html.element(
                "p",
                (several
                                ? "Mean ± standard deviation over " + comparison.repeats() + ". "
                                : "One class order: differences of a few points are noise. ")
                        + CONVENTIONS,
                "class",
                "note");
        comparison.notes().forEach(sentence -> html.element("p", sentence, "class", "note"));
        comparison.differences().forEach(sentence -> html.element("p", sentence, "class", "warning"));
    }

    private static String style() throws IOException {
        try (InputStream in = ReportPage.class.getResourceAsStream("/dev/palimpsest/report/report.css")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
