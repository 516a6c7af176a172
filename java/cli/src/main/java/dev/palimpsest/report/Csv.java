package dev.palimpsest.report;

import java.util.List;
import java.util.stream.Collectors;

/** Comma-separated values (RFC 4180). */
public final class Csv {
    private Csv() {}

    /** A row without the end of its line. */
    public static String row(List<String> fields) {
        return fields.stream().map(Csv::field).collect(Collectors.joining(","));
    }

    /** In quotes where it has to be. */
    private static String field(String text) {
        return text.matches("[^\",\\n\\r]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
