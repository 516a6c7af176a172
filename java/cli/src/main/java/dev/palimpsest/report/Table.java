package dev.palimpsest.report;

import java.util.List;
import java.util.StringJoiner;

/**
 * Text in rows and columns.
 *
 * @param heading one text a column
 * @param rows as many texts each; the first one names the row
 */
record Table(List<String> heading, List<List<String>> rows) {
    /** Columns of equal width, names to the left and figures to the right. */
    String plain() {
        int[] widths = new int[heading.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] = Math.max(
                    heading.get(i).length(),
                    rows.stream()
                            .mapToInt(row -> row.get(column).length())
                            .max()
                            .orElse(0));
        }
        StringBuilder text = new StringBuilder();
        line(text, heading, widths);
        rows.forEach(row -> line(text, row, widths));
        return text.toString();
    }

    private static void line(StringBuilder text, List<String> row, int[] widths) {
        StringJoiner line = new StringJoiner("  ");
        for (int i = 0; i < widths.length; i++) {
            String pad = " ".repeat(widths[i] - row.get(i).length());
            line.add(i == 0 ? row.get(i) + pad : pad + row.get(i));
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }

    /** As Markdown has it. */
    String markdown() {
        StringBuilder text = new StringBuilder();
        markdown(text, heading);
        text.append("|---".repeat(heading.size())).append("|\n");
        rows.forEach(row -> markdown(text, row));
        return text.toString();
    }

    private static void markdown(StringBuilder text, List<String> row) {
        text.append("| ")
                .append(String.join(
                        " | ",
                        row.stream().map(cell -> cell.replace("|", "\\|")).toList()))
                .append(" |\n");
    }
}
