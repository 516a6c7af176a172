package dev.palimpsest.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The report's plots. */
final class Plots {
    private static final int WIDTH = 480;
    private static final int HEIGHT = 300;

    private Plots() {}

    /**
     * Accuracy on all classes seen after each experience, one line a method; bars are a standard deviation over class
     * orders.
     */
    static Html accuracy(List<Group> groups, int number) throws IOException {
        XYChart chart = lines("experience", "accuracy on all classes seen, %");
        List<String> labels = groups.stream().map(Group::label).toList();
        double lowest = 100;
        for (Group group : groups) {
            int experiences = group.experiences();
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
                .add(legend(labels));
    }

    /** Bytes of all snapshots against the same models kept whole; empty where the method keeps none. */
    static Optional<Html> memory(Group group, int number) throws IOException {
        Metrics metrics = group.first();
        if (metrics.snapshotBytesAfter().isEmpty()) {
            return Optional.empty();
        }
        XYChart chart = lines("experience", "KiB of all earlier models");
        chart.getStyler().setYAxisMin(0.0);
        double[] x = counting(metrics.snapshotBytesAfter().size());
        style(chart.addSeries("snapshots", x, kibibytes(metrics.snapshotBytesAfter())), 0, false);
        style(chart.addSeries("full copies", x, kibibytes(metrics.fullCopiesBytesAfter())), 1, false);
        return Optional.of(Svg.of(chart, "memory" + number, "Memory of all earlier models after each experience")
                .add(legend(List.of("snapshots", "full copies"))));
    }

    /**
     * A legend that wraps; the chart's own would be cut off. Colours are those that {@link #style} gives in the same
     * order.
     */
    static Html legend(List<String> names) {
        Html legend = new Html().open("ul", "class", "legend");
        for (int i = 0; i < names.size(); i++) {
            legend.element("li", names.get(i), "style", "--colour: var(--series-" + i % Svg.SERIES.size() + ")");
        }
        return legend.close();
    }

    private static double[] kibibytes(List<Long> bytes) {
        return bytes.stream().mapToDouble(count -> count / 1024.0).toArray();
    }

    private static double[] counting(int count) {
        return IntStream.rangeClosed(1, count).mapToDouble(i -> i).toArray();
    }

    static XYChart lines(String x, String y) {
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
                .setAxisTitleFont(font(13))
                .setAxisTickLabelsFont(font(13))
                .setAxisTicksLineVisible(false)
                .setPlotMargin(0);
    }

    static void style(XYSeries series, int index, boolean dense) {
        Color colour = Svg.SERIES.get(index % Svg.SERIES.size());
        series.setLineColor(colour);
        series.setMarkerColor(colour);
        series.setLineWidth(dense ? 1.4f : 2);
        series.setMarker(dense ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
    }

    static Font font(int size) {
        return new Font(Font.SANS_SERIF, Font.PLAIN, size);
    }
}
