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
        List<List<String>> shown = rows.stream().map(Table::printable).toList();
        int[] widths = new int[heading.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] = Math.max(
                    heading.get(i).length(),
                    shown.stream()
                            .mapToInt(row -> row.get(column).length())
                            .max()
                            .orElse(0));
        }
        StringBuilder text = new StringBuilder();
        line(text, printable(heading), widths);
        shown.forEach(row -> line(text, row, widths));
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
                        row.stream()
                                .map(cell -> markdown(cell).replace("|", "\\|"))
                                .toList()))
                .append(" |\n");
    }

    /** Text that Markdown shows as it is, on one line: it would take HTML as markup. */
    static String markdown(String text) {
        return printable(text).replace("&", "&amp;").replace("<", "&lt;");
    }

    /** Without control characters: they would move a terminal's cursor, or break a line of a table. */
    static String printable(String text) {
        return text.codePoints().anyMatch(Character::isISOControl)
                ? text.codePoints()
                        .map(c -> Character.isISOControl(c) ? ' ' : c)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString()
                : text;
    }

    private static List<String> printable(List<String> row) {
        return row.stream().map(Table::printable).toList();
    }
}
