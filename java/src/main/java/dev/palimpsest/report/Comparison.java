package dev.palimpsest.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.function.Function;

/** The table that compares methods, for a terminal and for the report. */
public final class Comparison {
    /** A column: its heading, what it means, and its text in a row. */
    record Column(String title, String meaning, Function<Group, String> text) {}

    static final List<Column> COLUMNS = List.of(
            new Column("method", "", Group::label),
            percent("average incremental", "mean over experiences, the first included, of the accuracy on all classes seen",
                    Metrics::averageIncremental),
            percent("without first", "the same without the first experience", Metrics::averageIncrementalWithoutFirst),
            percent("final", "accuracy on all classes after the last experience", Metrics::finalAccuracy),
            percent("within experience", "final accuracy if the image's experience were known", Metrics::finalWithinExperience),
            percent("forgetting", "mean drop from the best accuracy on an experience's classes to the last", Metrics::forgetting),
            new Column("snapshot bytes", "all earlier models together; – where none is kept",
                    group -> bytes(group.spread(Metrics::snapshotBytes))),
            new Column("seconds", "training and evaluation", group -> group.spread(Metrics::seconds).text(1, 1)));

    private Comparison() {}

    private static Column percent(String title, String meaning, Function<Metrics, Number> figure) {
        return new Column(title, meaning, group -> group.spread(figure).text(100, 1));
    }

    /** Equal for every class order unless the pruning was cut short. */
    private static String bytes(Spread bytes) {
        return bytes.mean() == 0 ? "–" : (bytes.deviation() == 0 ? Spread.of(bytes.mean()) : bytes).text(1, 0);
    }

    /** The runs in these folders and below in plain text; accuracies in percent, mean ± standard deviation over class orders. */
    public static String of(List<Path> folders) throws IOException {
        List<SavedRun> runs = new ArrayList<>();
        for (Path folder : folders) {
            runs.addAll(SavedRun.find(folder));
        }
        return text(Group.of(runs));
    }

    static String text(List<Group> groups) {
        int[] widths = new int[COLUMNS.size()];
        List<List<String>> rows = new ArrayList<>();
        rows.add(COLUMNS.stream().map(Column::title).toList());
        groups.forEach(group -> rows.add(COLUMNS.stream().map(column -> column.text().apply(group)).toList()));
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder table = new StringBuilder();
        for (List<String> row : rows) {
            StringJoiner line = new StringJoiner("  ");
            for (int i = 0; i < widths.length; i++) {
                String pad = " ".repeat(widths[i] - row.get(i).length());
                line.add(i == 0 ? row.get(i) + pad : pad + row.get(i));
            }
            table.append(line.toString().stripTrailing()).append('\n');
        }
        return table.toString();
    }
}
