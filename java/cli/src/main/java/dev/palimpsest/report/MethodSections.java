package dev.palimpsest.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Sections of the page about methods: accuracies, forgetting, confusions, losses, memory. What cannot be shown of one
 * run costs a sentence and no other plot.
 */
final class MethodSections {
    /** More classes have no room for a matrix: the most frequent mistakes stand for it. */
    private static final int MOST_CLASSES = 30;

    private static final int MOST_MISTAKES = 20;

    private final Comparison comparison;
    private final List<Group> groups;
    private final Html html;
    private final List<String> warnings;

    /**
     * For one page.
     *
     * @param html that sections are added to
     * @param warnings that sentences are added to
     */
    MethodSections(Comparison comparison, Html html, List<String> warnings) {
        this.comparison = comparison;
        this.html = html;
        this.warnings = warnings;
        groups = comparison.blocks().stream()
                .flatMap(block -> block.groups().stream())
                .toList();
    }

    void write() {
        frontiers();
        comparison.blocks().forEach(this::accuracies);
        confusions();
        losses();
        memory();
    }

    private interface Drawing {
        Optional<Html> draw(Group group) throws IOException;
    }

    private void frontiers() {
        List<Frontier> frontiers = comparison.frontiers();
        for (Frontier frontier : frontiers) {
            drawn(() -> Optional.of(frontier.plot(frontiers.indexOf(frontier))))
                    .ifPresent(plot -> figure(
                            "Accuracy against memory, " + frontier.data(),
                            plot,
                            "All bytes of the model, earlier models, exemplars, statistics and the method's own memory."
                                    + " On the front are rows that no other equals in accuracy with as few bytes; the"
                                    + " upper bound, which keeps every image, is left out."));
        }
    }

    private void accuracies(Comparison.Block block) {
        String of = block.title().isEmpty() ? "" : ", " + block.title();
        drawn(() -> Optional.of(
                        Plots.accuracy(block.groups(), comparison.blocks().indexOf(block))))
                .ifPresent(plot -> figure(
                        "Accuracy over experiences" + of,
                        plot,
                        "After each experience, on the test images of all classes seen so far."
                                + (block.reference().runs().size() > 1
                                        ? " Bars are one standard deviation over " + comparison.repeats() + "."
                                        : "")));
        each(block.groups(), group -> Optional.of(matrix(group)))
                .ifPresent(matrices -> figure(
                        "Accuracy and forgetting by experience" + of,
                        matrices,
                        "Row i, column j: percent right after experience i on the classes that came with experience j."
                                + " Below: forgetting, the best of a column before its last entry minus that entry, in"
                                + " points; negative where the last experience helped."));
    }

    /** a[i][j] of a method in percent, mean over runs, and what it forgot of each experience. */
    private static Html matrix(Group group) {
        int n = group.experiences();
        Double[][] means = new Double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                int row = i;
                int column = j;
                Spread spread = group.spread(m -> m.accuracy()[row][column]);
                means[i][j] = spread.count() == 0 ? null : (Double) spread.mean();
            }
        }
        List<String> experiences =
                IntStream.rangeClosed(1, n).mapToObj(Integer::toString).toList();
        List<String> last = new ArrayList<>(List.of("forgetting"));
        for (int j = 0; j < n; j++) {
            int column = j;
            Spread forgotten = group.spread(metrics -> forgetting(metrics.accuracy(), column, n));
            last.add(forgotten.count() == 0 ? "" : Spread.of(forgotten.mean()).text(100, 1));
        }
        return Heat.table("Accuracy matrix of " + group.label(), "after / of", experiences, experiences, means, last);
    }

    /** The part of one experience in Chaudhry's measure; null for the last one, or one that brought no class. */
    private static @Nullable Double forgetting(@Nullable Double[][] accuracy, int experience, int experiences) {
        Double end = accuracy[experiences - 1][experience];
        if (end == null || experience == experiences - 1) {
            return null;
        }
        double best = IntStream.range(experience, experiences - 1)
                .mapToObj(i -> accuracy[i][experience])
                .mapToDouble(Double::doubleValue)
                .max()
                .orElseThrow();
        return best - end;
    }

    /** Of each group's first run, folded away. */
    private void confusions() {
        each(groups, group -> group.runs().getFirst().confusion().map(confusion -> confusion(group, confusion)))
                .ifPresent(confusions -> figure(
                        "Classes",
                        confusions,
                        "After the last experience, the first run of each row: percent right per class, and what images"
                                + " of a class (row) were taken for (column)."));
    }

    private static Html confusion(Group group, Confusion confusion) {
        List<String> classes = confusion.classes();
        List<Integer> labels = IntStream.range(0, classes.size())
                .boxed()
                .filter(label -> confusion.accuracy(label) != null)
                .sorted(Comparator.comparing(confusion::accuracy))
                .toList();
        Double[][] shares = labels.stream()
                .map(label -> new Double[] {confusion.accuracy(label)})
                .toArray(Double[][]::new);
        List<String> names = labels.stream()
                .map(label -> classes.get(label) + " (" + confusion.images(label) + ")")
                .toList();
        Html html = new Html()
                .open("details", "open", "")
                .element("summary", "per class, the lowest first")
                .open("div", "class", "tall")
                .add(Heat.table(
                        "Accuracy per class of " + group.label(),
                        "class (images)",
                        names,
                        List.of("right, %"),
                        shares,
                        List.of()))
                .close()
                .close()
                .open("details")
                .element("summary", classes.size() > MOST_CLASSES ? "most frequent mistakes" : "confusion matrix");
        if (classes.size() > MOST_CLASSES) {
            ReportPage.table(
                    html,
                    new Table(
                            List.of("class", "taken for", "images", "share, %"),
                            confusion.mistakes(MOST_MISTAKES).stream()
                                    .map(mistake -> List.of(
                                            mistake.of(),
                                            mistake.as(),
                                            Integer.toString(mistake.images()),
                                            String.format(Locale.ROOT, "%.0f", 100 * mistake.share())))
                                    .toList()));
        } else {
            html.add(Heat.table(
                    "Confusion matrix of " + group.label(),
                    "class / answer",
                    classes,
                    classes,
                    confusion.shares(),
                    List.of()));
        }
        return html.close();
    }

    private void losses() {
        List<String> remarks = new ArrayList<>();
        each(
                        groups,
                        group -> LossPlot.of(group.runs().getFirst(), "losses" + groups.indexOf(group))
                                .map(plot -> {
                                    remarks.add(plot.remark());
                                    return plot.plot();
                                }))
                .ifPresent(plots -> figure(
                        "Loss terms",
                        plots,
                        "The first run of each row. Terms as they enter the sum; a term is absent while there is no"
                                + " earlier snapshot. Vertical lines are where an experience begins."
                                + String.join("", remarks.stream().distinct().toList())));
    }

    private void memory() {
        each(
                        groups,
                        group -> Plots.memory(group, groups.indexOf(group))
                                .map(plot -> plot.element(
                                        "p",
                                        String.format(
                                                Locale.ROOT,
                                                "All earlier models take %,d bytes (%.2f bits per weight, and norms"
                                                        + " and heads); full copies would take %,d bytes.",
                                                group.first().snapshotBytes(),
                                                group.first().bitsPerWeight(),
                                                group.first().fullCopiesBytes()),
                                        "class",
                                        "note")))
                .ifPresent(
                        plots -> figure("Snapshot memory", plots, "The first run of each row that keeps snapshots."));
    }

    /** A drawing per group under its label; empty where no group has one. */
    private Optional<Html> each(List<Group> some, Drawing drawing) {
        Html grid = new Html().open("div", "class", "grid");
        boolean any = false;
        for (Group group : some) {
            Optional<Html> plot = drawn(() -> drawing.draw(group));
            if (plot.isPresent()) {
                grid.open("div").element("h3", title(group)).add(plot.get()).close();
                any = true;
            }
        }
        return any ? Optional.of(grid.close()) : Optional.empty();
    }

    private String title(Group group) {
        return comparison.blocks().size() == 1 ? group.label() : group.block() + ": " + group.label();
    }

    private interface Attempt {
        Optional<Html> draw() throws IOException;
    }

    private Optional<Html> drawn(Attempt attempt) {
        try {
            return attempt.draw();
        } catch (IOException e) {
            String sentence = String.valueOf(e.getMessage());
            if (!warnings.contains(sentence)) {
                warnings.add(sentence);
            }
            return Optional.empty();
        }
    }

    private void figure(String title, Html content, String caption) {
        html.open("section")
                .element("h2", title)
                .open("figure")
                .add(content)
                .element("figcaption", caption)
                .close()
                .close();
    }
}
