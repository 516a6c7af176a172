package dev.palimpsest.cli;

import dev.palimpsest.stream.RepetitionStream;
import dev.palimpsest.stream.RepetitionStream.Scenario;
import dev.palimpsest.stream.Stream.Experience;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * What is to see of a stream with repetition.
 *
 * @param labelledClasses that are ever labelled; those with higher numbers are distractors
 * @param classes all of them
 */
record StreamPicture(int labelledClasses, int classes, List<Row> rows) {
    private static final int UNLABELLED = 1;
    private static final int LABELLED = 2;
    private static final String MARKS = ".o#";

    /**
     * An experience.
     *
     * @param own classes of its labelled images
     * @param pool classes of its unlabelled images
     * @param before how many classes were seen before; classes are numbered as they come
     */
    record Row(int[] own, int[] pool, int before, int labelled, int unlabelled) {
        int seen() {
            return Math.max(before, own[own.length - 1] + 1);
        }

        int fresh() {
            return seen() - before;
        }

        private int inPool(int begin, int end) {
            return (int) Arrays.stream(pool)
                    .filter(c -> c >= begin && c < end && Arrays.binarySearch(own, c) < 0)
                    .count();
        }
    }

    static StreamPicture of(RepetitionStream stream) {
        List<Row> rows = new ArrayList<>();
        for (Experience e : stream.experiences()) {
            int[] pool = Arrays.stream(e.unlabelled())
                    .map(i -> stream.relabel(stream.dataset().train().label(i)))
                    .distinct()
                    .sorted()
                    .toArray();
            rows.add(new Row(e.present(), pool, e.classes().begin(), e.train().length, e.unlabelled().length));
        }
        return new StreamPicture(stream.classes(), stream.dataset().classes(), rows);
    }

    static StreamPicture of(Scenario file) {
        List<Row> rows = new ArrayList<>();
        int before = 0;
        for (int e = 0; e < file.labelled().size(); e++) {
            Row row = new Row(
                    file.labelledClasses().get(e),
                    file.unlabelledClasses().get(e),
                    before,
                    file.labelled().get(e).length,
                    file.unlabelled().get(e).length);
            rows.add(row);
            before = row.seen();
        }
        return new StreamPicture(before, file.classes(), rows);
    }

    /** [class][experience]: 0 not there, 1 in the pool alone, 2 labelled. */
    int[][] cells() {
        int[][] cells = new int[classes][rows.size()];
        for (int e = 0; e < rows.size(); e++) {
            for (int c : rows.get(e).pool) {
                cells[c][e] = UNLABELLED;
            }
            for (int c : rows.get(e).own) {
                cells[c][e] = LABELLED;
            }
        }
        return cells;
    }

    void print(PrintWriter lines) {
        lines.println("experience  labelled  classes   new  repeated  seen  unlabelled  of past  future  distractors");
        for (int e = 0; e < rows.size(); e++) {
            Row row = rows.get(e);
            lines.printf(
                    Locale.ROOT,
                    "%10d  %,8d  %7d  %4d  %8d  %4d  %,10d  %7d  %6d  %11d%n",
                    e + 1,
                    row.labelled,
                    row.own.length,
                    row.fresh(),
                    row.own.length - row.fresh(),
                    row.seen(),
                    row.unlabelled,
                    row.inPool(0, row.seen()),
                    row.inPool(row.seen(), labelledClasses),
                    row.inPool(labelledClasses, classes));
        }
        double own = mean(row -> row.own.length);
        lines.printf(
                Locale.ROOT,
                "mean: %.1f classes (%d to %d), %.1f %% of them repeated; in the pool besides: %.1f past, %.1f future, "
                        + "%.1f distractors%n",
                own,
                rows.stream().mapToInt(row -> row.own.length).min().orElse(0),
                rows.stream().mapToInt(row -> row.own.length).max().orElse(0),
                100 - 100 * mean(Row::fresh) / own,
                mean(row -> row.inPool(0, row.seen())),
                mean(row -> row.inPool(row.seen(), labelledClasses)),
                mean(row -> row.inPool(labelledClasses, classes)));
        lines.println();
        lines.println("One line per class, one column per experience: # labelled, o unlabelled only, . not there");
        int[][] cells = cells();
        for (int c = 0; c < classes; c++) {
            StringBuilder line = new StringBuilder();
            IntStream.of(cells[c]).forEach(cell -> line.append(MARKS.charAt(cell)));
            lines.printf(Locale.ROOT, "%4d  %s%s%n", c, line, c < labelledClasses ? "" : "  distractor");
        }
    }

    private double mean(ToDoubleFunction<Row> figure) {
        return rows.stream().mapToDouble(figure).average().orElse(0);
    }
}
