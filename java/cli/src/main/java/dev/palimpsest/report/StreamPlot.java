package dev.palimpsest.report;

import dev.palimpsest.checkpoint.AtomicFile;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;

/** Which classes a stream brings when: class × experience, as an SVG file. */
public final class StreamPlot {
    private static final Color[] COLOURS = {Color.WHITE, new Color(190, 210, 225), new Color(20, 80, 140)};
    private static final int CELL = 9;
    private static final int MARGIN = 90;

    private StreamPlot() {}

    /**
     * Draws the picture, class 0 at the bottom.
     *
     * @param cells [classes][experiences]: 0 where a class is not there, 1 where unlabelled images alone are of it, 2
     *     where labelled ones are
     * @throws IOException with a sentence, if the file cannot be written or this machine cannot draw text
     */
    public static void write(Path file, int[][] cells) throws IOException {
        System.setProperty("java.awt.headless", "true");
        HeatMapChart chart;
        try {
            chart = chart(cells);
        } catch (RuntimeException | InternalError | LinkageError e) {
            throw Svg.fontsMissing(e);
        }
        AtomicFile.write(file, Svg.document(chart));
    }

    private static HeatMapChart chart(int[][] cells) {
        int experiences = cells[0].length;
        HeatMapChart chart = new HeatMapChartBuilder()
                .width(MARGIN + CELL * experiences)
                .height(MARGIN + CELL * cells.length)
                .xAxisTitle("experience")
                .yAxisTitle("class")
                .title("dark: labelled; light: unlabelled only")
                .build();
        chart.getStyler()
                .setRangeColors(COLOURS)
                .setMin(0)
                .setMax(2)
                .setShowValue(false)
                .setDrawBorder(false)
                .setLegendVisible(false);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setPlotGridLinesVisible(false);
        chart.getStyler().setXAxisMaxLabelCount(10);
        List<Number[]> values = new ArrayList<>();
        for (int c = 0; c < cells.length; c++) {
            for (int e = 0; e < experiences; e++) {
                values.add(new Number[] {e, c, cells[c][e]});
            }
        }
        chart.addSeries(
                "stream",
                IntStream.range(0, experiences).boxed().toList(),
                IntStream.range(0, cells.length).boxed().toList(),
                values);
        return chart;
    }
}
