package dev.palimpsest.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The report's plots. */
final class Plots {
    private static final int WIDTH = 640;
    private static final int HEIGHT = 340;
    private static final int MOST_POINTS = 240;
    private static final Color LOW = new Color(243, 238, 226);
    private static final Color HIGH = new Color(120, 169, 205);

    private Plots() {}

    /**
     * Accuracy on all classes seen after each experience, one line a method; bars are a standard deviation over class
     * orders.
     */
    static String accuracy(List<Group> groups, int number) throws IOException {
        XYChart chart = lines("experience", "accuracy on all classes seen, %");
        List<String> labels = groups.stream().map(Group::label).toList();
        double lowest = 100;
        for (Group group : groups) {
            int experiences = group.runs().stream()
                    .mapToInt(run -> metrics(run).accuracyOnAllSeen().size())
                    .min()
                    .orElse(0);
            List<Spread> spreads = IntStream.range(0, experiences)
                    .mapToObj(i -> group.spread(m -> m.accuracyOnAllSeen().get(i)))
                    .toList();
            double[] means =
                    spreads.stream().mapToDouble(spread -> 100 * spread.mean()).toArray();
            double[] deviations = spreads.stream()
                    .mapToDouble(spread -> Double.isNaN(spread.deviation()) ? 0 : 100 * spread.deviation())
                    .toArray();
            for (int i = 0; i < experiences; i++) {
                lowest = Math.min(lowest, means[i] - deviations[i]);
            }
            XYSeries series = group.runs().size() > 1
                    ? chart.addSeries(group.label(), counting(experiences), means, deviations)
                    : chart.addSeries(group.label(), counting(experiences), means);
            style(series, labels.indexOf(group.label()), experiences > 30);
        }
        // Methods that are all good would lie on one another on an axis from 0.
        chart.getStyler()
                .setYAxisMin(Math.max(0, 10 * Math.floor(lowest / 10 - 0.2)))
                .setYAxisMax(100.0);
        return Svg.of(chart, "accuracy" + number, "Accuracy on all classes seen after each experience")
                + legend(labels);
    }

    /** a[i][j] of a method in percent, mean over class orders. */
    static String matrix(Group group, int number) throws IOException {
        int n = group.first().accuracy().length;
        HeatMapChart chart = new HeatMapChartBuilder()
                .width(400)
                .height(330)
                .xAxisTitle("classes of experience")
                .yAxisTitle("after experience")
                .build();
        plain(chart.getStyler());
        // Small cells have no room for a number.
        chart.getStyler().setShowValue(n <= 10).setValueFont(font(11)).setValueFontColor(new Color(32, 32, 32));
        chart.getStyler()
                .setRangeColors(new Color[] {LOW, HIGH})
                .setMin(0)
                .setMax(100)
                .setDrawBorder(false);
        chart.getStyler().setPlotGridLinesVisible(false);
        List<Integer> labels = IntStream.rangeClosed(1, n).boxed().toList();
        List<Number[]> cells = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                int row = i;
                int column = j;
                if (group.first().accuracy()[row][column] == null) {
                    continue;
                }
                cells.add(new Number[] {
                    j,
                    n - 1 - i,
                    Math.round(
                            100 * group.spread(m -> m.accuracy()[row][column]).mean())
                });
            }
        }
        // The first experience on top, as matrices are written.
        chart.addSeries("accuracy", labels, labels.reversed(), cells);
        return Svg.of(chart, "matrix" + number, "Accuracy matrix of " + group.label());
    }

    /**
     * Every loss term over the steps of a run, averaged over neighbouring steps where there are many; empty where
     * there are no steps.
     */
    static Optional<String> losses(SavedRun run) throws IOException {
        Map<String, double[]> terms = run.lossTerms();
        if (terms.values().stream().allMatch(values -> values.length == 0)) {
            return Optional.empty();
        }
        XYChart chart = lines("step", "loss");
        chart.getStyler().setYAxisMin(0.0);
        List<String> shown = new ArrayList<>();
        for (Map.Entry<String, double[]> term : terms.entrySet()) {
            double[] values = term.getValue();
            int width = Math.max(1, (values.length + MOST_POINTS - 1) / MOST_POINTS);
            int points = (values.length + width - 1) / width;
            double[] x = new double[points];
            double[] y = new double[points];
            for (int i = 0; i < points; i++) {
                double[] bucket = Arrays.copyOfRange(values, i * width, Math.min(values.length, (i + 1) * width));
                x[i] = i * (double) width;
                y[i] = Arrays.stream(bucket)
                        .filter(value -> !Double.isNaN(value))
                        .average()
                        .orElse(Double.NaN);
            }
            if (Arrays.stream(y).anyMatch(value -> !Double.isNaN(value))) {
                style(chart.addSeries(term.getKey(), x, y), shown.size(), true);
                shown.add(term.getKey());
            }
        }
        return Optional.of(Svg.of(chart, "losses", "Loss terms over the steps") + legend(shown));
    }

    /** Bytes of all snapshots against the same models kept whole; empty where the method keeps none. */
    static Optional<String> memory(Group group) throws IOException {
        Metrics metrics = group.first();
        if (metrics.snapshotBytesAfter().isEmpty()) {
            return Optional.empty();
        }
        XYChart chart = lines("experience", "KiB of all earlier models");
        chart.getStyler().setYAxisMin(0.0);
        double[] x = counting(metrics.snapshotBytesAfter().size());
        style(chart.addSeries("snapshots", x, kibibytes(metrics.snapshotBytesAfter())), 0, false);
        style(chart.addSeries("full copies", x, kibibytes(metrics.fullCopiesBytesAfter())), 1, false);
        return Optional.of(Svg.of(chart, "memory", "Memory of all earlier models after each experience")
                + legend(List.of("snapshots", "full copies")));
    }

    /**
     * A legend that wraps; the chart's own would be cut off. Colours are those that {@link #style} gives in the same
     * order.
     */
    private static String legend(List<String> names) {
        StringBuilder legend = new StringBuilder("<ul class=\"legend\">");
        for (int i = 0; i < names.size(); i++) {
            legend.append("<li style=\"--colour: var(--series-")
                    .append(i % Svg.SERIES.size())
                    .append(")\">")
                    .append(Html.escape(names.get(i)))
                    .append("</li>");
        }
        return legend.append("</ul>").toString();
    }

    private static double[] kibibytes(List<Long> bytes) {
        return bytes.stream().mapToDouble(count -> count / 1024.0).toArray();
    }

    private static double[] counting(int count) {
        return IntStream.rangeClosed(1, count).mapToDouble(i -> i).toArray();
    }

    private static XYChart lines(String x, String y) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .xAxisTitle(x)
                .yAxisTitle(y)
                .build();
        plain(chart.getStyler());
        chart.getStyler().setXAxisDecimalPattern("#,###").setYAxisDecimalPattern("#,###.###");
        chart.getStyler().setErrorBarsColorSeriesColor(true).setPlotGridVerticalLinesVisible(false);
        chart.getStyler().setXAxisMaxLabelCount(11);
        return chart;
    }

    private static void plain(AxesChartStyler styler) {
        styler.setChartBackgroundColor(Svg.CLEAR)
                .setPlotBackgroundColor(Svg.CLEAR)
                .setChartFontColor(Svg.INK)
                .setPlotBorderVisible(false)
                .setChartTitleVisible(false)
                .setChartPadding(6)
                .setLegendVisible(false);
        styler.setAxisTickLabelsColor(Svg.INK)
                .setAxisTickMarksColor(Svg.GRID)
                .setPlotGridLinesColor(Svg.GRID)
                .setPlotGridLinesStroke(new BasicStroke(1))
                .setAxisTitleFont(font(12))
                .setAxisTickLabelsFont(font(11))
                .setAxisTicksLineVisible(false)
                .setPlotMargin(0);
    }

    private static void style(XYSeries series, int index, boolean dense) {
        Color colour = Svg.SERIES.get(index % Svg.SERIES.size());
        series.setLineColor(colour);
        series.setMarkerColor(colour);
        series.setLineWidth(dense ? 1.4f : 2);
        series.setMarker(dense ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
    }

    private static Font font(int size) {
        return new Font(Font.SANS_SERIF, Font.PLAIN, size);
    }

    private static Metrics metrics(SavedRun run) {
        return run.metrics().orElseThrow();
    }
}
