package dev.palimpsest.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoint.AtomicFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A comparison for a terminal, and as the files summary.md, summary.json and runs.csv. */
public final class Summary {
    /** The name of the file to read. */
    public static final String MARKDOWN = "summary.md";

    private static final String JSON = "summary.json";
    private static final String RUNS = "runs.csv";

    private static final String CONVENTION =
            "Accuracies in percent, single-head, over all classes seen; the average counts the first experience.";

    private Summary() {}

    /**
     * For a terminal; what runs are left out is said by {@link Report#write}.
     *
     * @param comparison of runs
     * @return lines
     */
    public static String text(Comparison comparison) {
        StringBuilder text = new StringBuilder();
        for (Comparison.Block block : comparison.blocks()) {
            text.append(block.title().isEmpty() ? "" : Table.printable(block.title()) + "\n\n")
                    .append(block.means().plain())
                    .append('\n');
            block.differences()
                    .ifPresent(table -> text.append(Table.printable(block.caption()))
                            .append('\n')
                            .append(table.plain())
                            .append('\n'));
        }
        comparison
                .notes()
                .forEach(sentence -> text.append(Table.printable(sentence)).append('\n'));
        comparison
                .frontiers()
                .forEach(frontier ->
                        text.append(Table.printable(frontier.sentence())).append('\n'));
        comparison
                .differences()
                .forEach(sentence -> text.append(Table.printable(sentence)).append('\n'));
        return text.append(CONVENTION).append('\n').toString();
    }

    /**
     * Writes summary.md, summary.json, and every run's figures as runs.csv.
     *
     * @param comparison of runs
     * @param folder that exists
     * @param summary what is compared, a sentence
     * @param command that repeats it
     * @throws IOException with a sentence, if they cannot be written
     */
    public static void write(Comparison comparison, Path folder, String summary, String command) throws IOException {
        AtomicFile.write(folder.resolve(MARKDOWN), markdown(comparison, summary, command));
        AtomicFile.write(folder.resolve(JSON), json(comparison, summary, command));
        AtomicFile.write(folder.resolve(RUNS), csv(comparison));
    }

    private static String markdown(Comparison comparison, String summary, String command) {
        StringBuilder text = new StringBuilder(Table.markdown(summary))
                .append("\n\n    ")
                .append(Table.printable(command))
                .append("\n\n")
                .append(CONVENTION)
                .append(" Mean ± standard deviation over ")
                .append(comparison.repeats())
                .append(".\n\n");
        for (Comparison.Block block : comparison.blocks()) {
            text.append(block.title().isEmpty() ? "" : "### " + Table.markdown(block.title()) + "\n\n")
                    .append(block.means().markdown())
                    .append('\n');
            block.differences()
                    .ifPresent(table -> text.append(Table.markdown(block.caption()))
                            .append("\n\n")
                            .append(table.markdown())
                            .append('\n'));
        }
        List<String> sentences = new ArrayList<>(comparison.notes());
        comparison.frontiers().forEach(frontier -> sentences.add(frontier.sentence()));
        sentences.addAll(comparison.warnings());
        sentences.forEach(
                sentence -> text.append("- ").append(Table.markdown(sentence)).append('\n'));
        return text.toString();
    }

    private static String json(Comparison comparison, String summary, String command) {
        ObjectNode root = JsonText.object().put("summary", summary).put("command", command);
        ArrayNode blocks = root.putArray("blocks");
        for (Comparison.Block block : comparison.blocks()) {
            ObjectNode object = blocks.addObject()
                    .put("title", block.title())
                    .put("reference", block.reference().label());
            ArrayNode rows = object.putArray("rows");
            block.groups().forEach(group -> row(rows.addObject(), block, group));
        }
        comparison.notes().forEach(root.putArray("notes")::add);
        comparison.warnings().forEach(root.putArray("warnings")::add);
        return JsonText.of(root);
    }

    private static void row(ObjectNode row, Comparison.Block block, Group group) {
        row.put("label", group.label()).put("runs", group.runs().size());
        ArrayNode orders = row.putArray("orders");
        group.runs().forEach(run -> orders.add(run.option("order")));
        ObjectNode figures = row.putObject("figures");
        ObjectNode differences = row.putObject("difference_from_reference");
        for (Figure figure : Figure.ALL) {
            Spread spread = figure.of(group);
            ObjectNode node = figures.putObject(figure.key()).put("count", spread.count());
            put(node, "mean", spread.mean());
            put(node, "standard_deviation", spread.deviation());
            if (figure.paired()) {
                block.difference(group, figure)
                        .ifPresent(paired -> difference(differences.putObject(figure.key()), figure, paired));
            }
        }
    }

    private static void difference(ObjectNode node, Figure figure, Paired paired) {
        node.put("count", paired.count())
                .put("mean", paired.mean())
                .put("standard_error", paired.standardError())
                .put("half_width_95", paired.halfWidth())
                .put("verdict", paired.verdict(figure.direction()).toString());
        paired.needed().ifPresent(needed -> node.put("needed", needed));
    }

    /** JSON has no NaN. */
    private static void put(ObjectNode node, String key, double value) {
        if (Double.isNaN(value)) {
            node.putNull(key);
        } else {
            node.put(key, value);
        }
    }

    /** A line for every run: accuracies as shares of 1, nothing where a figure is not defined. */
    private static String csv(Comparison comparison) {
        List<String> heading = new ArrayList<>(List.of("block", "label", "order", "seed"));
        Figure.ALL.forEach(figure -> heading.add(figure.key()));
        StringBuilder text = new StringBuilder(Csv.row(heading)).append('\n');
        for (Comparison.Block block : comparison.blocks()) {
            for (Group group : block.groups()) {
                for (SavedRun run : group.runs()) {
                    List<String> row = new ArrayList<>(
                            List.of(block.title(), group.label(), run.option("order"), run.option("seed")));
                    for (Figure figure : Figure.ALL) {
                        Number value = figure.value().apply(run.metrics().orElseThrow());
                        row.add(value == null ? "" : value.toString());
                    }
                    text.append(Csv.row(row)).append('\n');
                }
            }
        }
        return text.toString();
    }
}
