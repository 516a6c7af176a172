package dev.palimpsest.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.IntStream;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Final accuracy against all that rows keep, over blocks whose accuracies are of the same images. A row is on the
 * (Pareto) front where no other reaches at least its accuracy with at most its bytes. The upper bound has no place
 * there: it keeps every image.
 *
 * @param data that the accuracies are of
 * @param points from the fewest bytes on
 */
record Frontier(String data, List<Point> points) {
    private static final String UPPER_BOUND = "joint";
    /** On both sides of the points, as a factor. */
    private static final double MARGIN = 1.1;

    /**
     * A row.
     *
     * @param bytes mean over runs of what is kept in total
     * @param accuracy final, in percent
     * @param front whether no other row dominates it
     */
    record Point(String label, double bytes, Spread accuracy, boolean front) {
        private boolean dominates(Point other) {
            return bytes <= other.bytes
                    && accuracy.mean() >= other.accuracy.mean()
                    && (bytes < other.bytes || accuracy.mean() > other.accuracy.mean());
        }

        private List<String> cells(int number) {
            return List.of(
                    number + " " + label,
                    String.format(Locale.ROOT, "%,.0f", bytes),
                    accuracy.text(100, 1),
                    front ? "yes" : "");
        }
    }

    /** One for every data set on which rows keep different numbers of bytes. */
    static List<Frontier> of(List<Comparison.Block> blocks) {
        SequencedMap<Group, List<Point>> found = new LinkedHashMap<>();
        List<String> labels = blocks.stream()
                .flatMap(block -> block.groups().stream())
                .map(Group::label)
                .toList();
        for (Comparison.Block block : blocks) {
            for (Group group : block.groups()) {
                Point point = point(block, group, labels);
                if (point.bytes > 0 && Double.isFinite(point.accuracy.mean())) {
                    Group first = found.keySet().stream()
                            .filter(other -> Conventions.obstacle(group, other).isEmpty())
                            .findFirst()
                            .orElse(group);
                    found.computeIfAbsent(first, _ -> new ArrayList<>()).add(point);
                }
            }
        }
        List<Frontier> frontiers = new ArrayList<>();
        for (Map.Entry<Group, List<Point>> one : found.entrySet()) {
            if (one.getValue().stream().mapToDouble(Point::bytes).distinct().count() > 1) {
                SavedRun run = one.getKey().runs().getFirst();
                frontiers.add(new Frontier(run.option("data") + ", " + ReportPage.stream(run), marked(one.getValue())));
            }
        }
        return frontiers;
    }

    private static Point point(Comparison.Block block, Group group, List<String> labels) {
        boolean unique = labels.indexOf(group.label()) == labels.lastIndexOf(group.label());
        boolean bound = group.runs().getFirst().option("method").equals(UPPER_BOUND);
        return new Point(
                unique ? group.label() : block.title() + ": " + group.label(),
                bound ? 0 : group.spread(Metrics::totalBytes).mean(),
                group.spread(Metrics::finalAccuracy),
                false);
    }

    private static List<Point> marked(List<Point> points) {
        return points.stream()
                .map(point -> new Point(
                        point.label,
                        point.bytes,
                        point.accuracy,
                        points.stream().noneMatch(other -> other.dominates(point))))
                .sorted(Comparator.comparingDouble(Point::bytes)
                        .thenComparingDouble(point -> point.accuracy().mean()))
                .toList();
    }

    /** Which rows are on the front. */
    String sentence() {
        return "Accuracy against bytes on " + data + ", on the front from the fewest bytes on: "
                + String.join(
                        "; ",
                        points.stream()
                                .filter(Point::front)
                                .map(point -> point.label + " (" + point.accuracy.text(100, 1)
                                        + String.format(Locale.ROOT, ", %,.0f bytes)", point.bytes))
                                .toList())
                + ".";
    }

    /**
     * The rows as numbered points, the front joined, with a table of what the numbers stand for.
     *
     * @param number unique on the page
     * @throws IOException with a sentence, if this machine cannot draw text
     */
    Html plot(int number) throws IOException {
        XYChart chart = Plots.lines("KiB kept in total", "final accuracy on all classes, %");
        chart.getStyler().setXAxisLogarithmic(true).setXAxisMaxLabelCount(6);
        // Only powers of ten have labels.
        chart.getStyler()
                .setXAxisMin(Math.pow(10, Math.floor(Math.log10(points.getFirst().bytes / 1024 / MARGIN))))
                .setXAxisMax(Math.pow(10, Math.ceil(Math.log10(points.getLast().bytes / 1024 * MARGIN))));
        List<Point> front = points.stream().filter(Point::front).toList();
        add(chart, "on the front", front, 0);
        add(chart, "not on it", points.stream().filter(point -> !point.front).toList(), 1)
                .setLineStyle(SeriesLines.NONE);
        double low = points.stream().mapToDouble(Frontier::percent).min().orElse(0);
        double high = points.stream().mapToDouble(Frontier::percent).max().orElse(100);
        double room = Math.max(1, 0.1 * (high - low));
        chart.getStyler().setYAxisMin(low - room).setYAxisMax(high + 1.5 * room);
        for (int i = 0; i < points.size(); i++) {
            Point point = points.get(i);
            chart.addAnnotation(new AnnotationText(
                    Integer.toString(i + 1), point.bytes / 1024, percent(point) + 0.7 * room, false));
        }
        chart.getStyler().setAnnotationTextFont(Plots.font(13)).setAnnotationTextFontColor(Svg.SOFT);
        Html html = Svg.of(chart, "front" + number, "Final accuracy against bytes")
                .add(Plots.legend(List.of("on the front", "not on it")));
        ReportPage.table(
                html,
                new Table(
                        List.of("row", "total bytes", "final", "on the front"),
                        IntStream.range(0, points.size())
                                .mapToObj(i -> points.get(i).cells(i + 1))
                                .toList()));
        return html;
    }

    private static XYSeries add(XYChart chart, String name, List<Point> some, int colour) {
        // A chart takes no series without points: one that is not a number is not drawn.
        XYSeries series = some.isEmpty()
                ? chart.addSeries(name, new double[] {chart.getStyler().getXAxisMin()}, new double[] {Double.NaN})
                : chart.addSeries(
                        name,
                        some.stream().mapToDouble(point -> point.bytes / 1024).toArray(),
                        some.stream().mapToDouble(Frontier::percent).toArray());
        Plots.style(series, colour, false);
        series.setMarker(SeriesMarkers.CIRCLE);
        return series;
    }

    private static double percent(Point point) {
        return 100 * point.accuracy.mean();
    }
}
