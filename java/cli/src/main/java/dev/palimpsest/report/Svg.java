package dev.palimpsest.report;

import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.svg.SVGProcessor;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import java.awt.Color;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import org.knowm.xchart.internal.chartpart.IChart;

/** A chart as SVG for a page: colours are the page's variables, so that they follow light and dark. */
final class Svg {
    // Colours that only stand for a variable of the page's style; charts use them and no others where the scheme
    // matters.
    static final Color INK = new Color(1, 2, 3);
    static final Color GRID = new Color(4, 5, 6);
    static final Color SOFT = new Color(7, 8, 9);
    static final Color CLEAR = new Color(255, 255, 255, 0);
    static final List<Color> SERIES = List.of(
            new Color(10, 0, 1),
            new Color(10, 0, 2),
            new Color(10, 0, 3),
            new Color(10, 0, 4),
            new Color(10, 0, 5),
            new Color(10, 0, 6),
            new Color(10, 0, 7));

    private static final Pattern LONG_NUMBER = Pattern.compile("-?\\d+\\.\\d{3,}(E-?\\d+)?");
    private static final Pattern PROLOGUE = Pattern.compile("(?s)^.*?<svg[^>]*>");
    private static final Pattern CLIP = Pattern.compile("clip\\d+");

    private Svg() {}

    /**
     * Draws the chart.
     *
     * @param name unique on the page
     * @param title what it shows, for those who cannot see it
     * @throws IOException with a sentence, if this machine cannot draw text
     */
    static Html of(IChart chart, String name, String title) throws IOException {
        String drawn = PROLOGUE.matcher(document(chart)).replaceFirst("");
        String svg = "<svg role=\"img\" aria-label=\"" + Html.escape(title) + "\" viewBox=\"0 0 " + chart.getWidth()
                + " " + chart.getHeight() + "\">" + coloured(drawn);
        // The encoder's names for clips come from hash codes: two charts of a page could share one.
        svg = CLIP.matcher(svg).replaceAll(match -> name + "-" + match.group());
        return Html.drawing(LONG_NUMBER.matcher(svg).replaceAll(match -> rounded(match.group())));
    }

    /**
     * The chart as a file of its own, in its own colours.
     *
     * @throws IOException with a sentence, if this machine cannot draw text
     */
    static String document(IChart chart) throws IOException {
        VectorGraphics2D graphics = new VectorGraphics2D();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            chart.paint(graphics, chart.getWidth(), chart.getHeight());
            new SVGProcessor()
                    .getDocument(graphics.getCommands(), new PageSize(0, 0, chart.getWidth(), chart.getHeight()))
                    .writeTo(bytes);
        } catch (RuntimeException | InternalError | LinkageError e) {
            throw fontsMissing(e);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /**
     * AWT fails in many ways (InternalError, NoClassDefFoundError, NullPointerException) where there is no fontconfig
     * or no font.
     */
    static IOException fontsMissing(Throwable cause) {
        return new IOException(
                "The plots need fonts, which this Java found none of: "
                        + "install the packages fontconfig and fonts-dejavu-core, then run palimpsest report again.",
                cause);
    }

    private static String coloured(String svg) {
        String result = svg.replace(rgb(INK), "var(--ink)")
                .replace(rgb(GRID), "var(--grid)")
                .replace(rgb(SOFT), "var(--soft)");
        for (int i = 0; i < SERIES.size(); i++) {
            result = result.replace(rgb(SERIES.get(i)), "var(--series-" + i + ")");
        }
        return result;
    }

    private static String rgb(Color colour) {
        return "rgb(" + colour.getRed() + "," + colour.getGreen() + "," + colour.getBlue() + ")";
    }

    /** A hundredth of a pixel is enough, and halves the page. */
    private static String rounded(String number) {
        return new BigDecimal(number)
                .setScale(2, RoundingMode.HALF_EVEN)
                .stripTrailingZeros()
                .toPlainString();
    }
}
