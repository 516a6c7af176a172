package dev.palimpsest.report;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A table whose cells are shares: a number each where there is room, and a colour that follows light and dark. */
final class Heat {
    /** More columns have no room for numbers; pointing at a cell shows them. */
    private static final int MOST_NUMBERED = 12;
    /** From here on the scale, text is written in the colour that its strong end needs. */
    private static final double STRONG = 0.6;

    private Heat() {}

    /**
     * Draws a matrix.
     *
     * @param label what it shows, for those who cannot see it
     * @param corner what rows and columns are
     * @param shares [rows][columns] of 1; null, or a row that is too short, leaves a cell empty
     * @param last a row below, as text; may be empty
     */
    static Html table(
            String label,
            String corner,
            List<String> rows,
            List<String> columns,
            @Nullable Double[][] shares,
            List<String> last) {
        boolean numbered = columns.size() <= MOST_NUMBERED;
        Html html = new Html()
                .open("div", "class", "wide")
                .open("table", "class", numbered ? "heat" : "heat small", "aria-label", label)
                .open("thead")
                .open("tr")
                .element("th", corner);
        columns.forEach(column -> html.element("th", column, "scope", "col"));
        html.close().close().open("tbody");
        for (int i = 0; i < rows.size(); i++) {
            html.open("tr").element("th", rows.get(i), "scope", "row");
            for (int j = 0; j < columns.size(); j++) {
                Double share = j < shares[i].length ? shares[i][j] : null;
                if (share == null) {
                    html.element("td", "");
                    continue;
                }
                // Accuracies crowd at the upper end; the square sets 83 and 100 as far apart as 0 and 55.
                double strength = share * share;
                String percent = String.format(Locale.ROOT, "%.0f", 100 * share);
                html.element(
                        "td",
                        numbered ? percent : "",
                        "class",
                        strength < STRONG ? "cell" : "cell strong",
                        "style",
                        String.format(Locale.ROOT, "--share: %.1f%%", 100 * strength),
                        "title",
                        rows.get(i) + ", " + columns.get(j) + ": " + percent + " %");
            }
            html.close();
        }
        if (!last.isEmpty()) {
            html.open("tr", "class", "last").element("th", last.getFirst(), "scope", "row");
            last.stream().skip(1).forEach(text -> html.element("td", text));
            html.close();
        }
        return html.close().close().close();
    }
}
