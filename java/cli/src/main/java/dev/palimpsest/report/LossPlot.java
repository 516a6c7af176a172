package dev.palimpsest.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.DoubleStream;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Every loss term over the steps of a run. Whatever the values are, the axis has few ticks: powers of ten are drawn
 * where values lie too far apart, and what is infinite or not a number is left out and counted.
 *
 * @param plot the drawing and its legend
 * @param remark what a reader has to know about the axis; may be empty
 */
record LossPlot(Html plot, String remark) {
    /** More steps are averaged over neighbours. */
    private static final int MOST_POINTS = 240;

    private static final int MOST_NUMBERED = 20;
    /** Values beyond these are drawn as powers of ten; an axis of 10¹⁶ in steps of one never ends. */
    private static final double HIGH = 1e6;

    private static final double LOW = 1e-3;
    /** Highest value in medians: above, one step would flatten all others. */
    private static final double SPREAD = 1000;
    /** Powers of ten below the median that are told apart. */
    private static final int DECADES_BELOW = 4;

    /**
     * Draws it.
     *
     * @param name unique on the page
     * @return empty where no step has a finite loss
     * @throws IOException with a sentence, if steps.csv is damaged or this machine cannot draw text
     */
    static Optional<LossPlot> of(SavedRun run, String name) throws IOException {
        SavedSteps steps = run.steps();
        int count = steps.experiences().length;
        int width = Math.max(1, (count + MOST_POINTS - 1) / MOST_POINTS);
        SequencedMap<String, double[]> terms = new LinkedHashMap<>();
        steps.terms().forEach((term, values) -> {
            double[] means = averaged(values, width);
            if (Arrays.stream(means).anyMatch(Double::isFinite)) {
                terms.put(term, means);
            }
        });
        if (terms.isEmpty()) {
            return Optional.empty();
        }
        Axis axis = Axis.of(terms.values().stream().flatMapToDouble(Arrays::stream));
        XYChart chart = Plots.lines("step", axis.logarithmic() ? "loss, powers of ten" : "loss");
        chart.getStyler().setXAxisMin(0.0).setXAxisMax((double) Math.max(1, count - 1));
        chart.getStyler().setYAxisMin(axis.low()).setYAxisMax(axis.high());
        if (axis.logarithmic()) {
            chart.getStyler().setYAxisTickLabelsFormattingFunction(LossPlot::power);
        }
        boundaries(chart, steps.experiences(), axis);
        List<String> shown = new ArrayList<>(terms.keySet());
        for (Map.Entry<String, double[]> term : terms.entrySet()) {
            double[] y = Arrays.stream(term.getValue()).map(axis::at).toArray();
            double[] x = new double[y.length];
            Arrays.setAll(x, i -> i * (double) width);
            Plots.style(chart.addSeries(term.getKey(), x, y), shown.indexOf(term.getKey()), true);
        }
        return Optional.of(new LossPlot(
                Svg.of(chart, name, "Loss terms over the steps").add(Plots.legend(shown)),
                remark(steps, axis, run.folder().toString())));
    }

    /** Vertical lines where experiences begin, numbered from 1 while there is room. */
    private static void boundaries(XYChart chart, int[] experiences, Axis axis) {
        List<Double> x = new ArrayList<>();
        List<Double> y = new ArrayList<>();
        int begun = experiences[experiences.length - 1];
        for (int i = 0; i < experiences.length; i++) {
            if (i > 0 && experiences[i] == experiences[i - 1]) {
                continue;
            }
            x.addAll(List.of((double) i, (double) i, (double) i));
            y.addAll(List.of(axis.low(), axis.high(), Double.NaN));
            if (begun < MOST_NUMBERED) {
                double aside = Math.max(1, experiences.length - 1) / 60.0;
                chart.addAnnotation(new AnnotationText(
                        Integer.toString(experiences[i] + 1),
                        i + aside,
                        axis.low() + 0.97 * (axis.high() - axis.low()),
                        false));
            }
        }
        XYSeries lines = chart.addSeries("an experience begins", x, y);
        lines.setMarker(SeriesMarkers.NONE);
        lines.setLineColor(Svg.GRID);
        lines.setLineWidth(1);
        chart.getStyler().setAnnotationTextFont(Plots.font(13)).setAnnotationTextFontColor(Svg.SOFT);
    }

    private static String remark(SavedSteps steps, Axis axis, String folder) {
        long lost = steps.terms().getOrDefault("loss", new double[0]).length
                - Arrays.stream(steps.terms().getOrDefault("loss", new double[0]))
                        .filter(Double::isFinite)
                        .count();
        return (axis.logarithmic() ? " The axis counts powers of ten; what lies below it is drawn at its end." : "")
                + (lost > 0
                        ? " The loss of " + lost + " of " + steps.experiences().length + " steps in " + folder
                                + " is infinite or not a number, and left out."
                        : "");
    }

    /** Means of neighbours, of what is finite. */
    private static double[] averaged(double[] values, int width) {
        double[] means = new double[(values.length + width - 1) / width];
        Arrays.setAll(
                means,
                i -> Arrays.stream(values, i * width, Math.min(values.length, (i + 1) * width))
                        .filter(Double::isFinite)
                        .average()
                        .orElse(Double.NaN));
        return means;
    }

    private static String power(double exponent) {
        return exponent == Math.rint(exponent) ? "1e" + (long) exponent : "";
    }

    /**
     * The range of losses.
     *
     * @param low in what is drawn: a value, or its exponent
     */
    private record Axis(boolean logarithmic, double low, double high) {
        static Axis of(DoubleStream values) {
            double[] finite = values.filter(Double::isFinite).sorted().toArray();
            double[] positive = Arrays.stream(finite).filter(value -> value > 0).toArray();
            double lowest = finite[0];
            double highest = finite[finite.length - 1];
            if (positive.length > 0 && lowest >= 0) {
                double median = positive[positive.length / 2];
                if (highest > HIGH || highest < LOW || highest > SPREAD * median) {
                    double low = Math.floor(Math.max(Math.log10(positive[0]), Math.log10(median) - DECADES_BELOW));
                    return new Axis(true, low, Math.max(low + 2, Math.ceil(Math.log10(highest))));
                }
            }
            // Negative losses of any size: a symmetric bound keeps the ticks few.
            double low = Math.max(-HIGH, Math.min(0, lowest));
            double high = Math.min(HIGH, Math.max(0, highest));
            return new Axis(false, low, high - low < LOW ? low + LOW : high + 0.05 * (high - low));
        }

        double at(double value) {
            if (!logarithmic) {
                return Math.clamp(value, low, high);
            }
            return Double.isNaN(value) ? value : Math.clamp(Math.log10(Math.max(value, 0)), low, high);
        }
    }
}
