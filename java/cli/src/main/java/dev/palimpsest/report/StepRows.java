package dev.palimpsest.report;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rows of a steps.csv as texts, one after another. For one thread. */
final class StepRows implements AutoCloseable {
    /** The one column in which no two runs are the same. */
    static final String SPEED = "images_per_second";

    private final Path file;
    private final BufferedReader reader;
    private final List<String> columns;
    private long read;

    /** @throws IOException with a sentence, if the file cannot be read or has no header */
    StepRows(Path file) throws IOException {
        this.file = file;
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    file + " is missing, so there are no steps to compare: restore it from a copy, or repeat the run.");
        }
        reader = Files.newBufferedReader(file);
        String header = line();
        columns = header == null ? List.of() : List.of(header.split(",", -1));
        if (!columns.contains("loss") || !columns.contains("experience")) {
            reader.close();
            throw DamagedRunException.of(file, "its first line names no experience and no loss", null);
        }
    }

    List<String> columns() {
        return columns;
    }

    /** Rows that were read. */
    long read() {
        return read;
    }

    /**
     * The next row.
     *
     * @return null after the last one; what a kill left of a row is none
     * @throws IOException with a sentence, if it is not a row
     */
    @Nullable
    List<String> next() throws IOException {
        String line = line();
        if (line == null) {
            return null;
        }
        List<String> cells = List.of(line.split(",", -1));
        if (cells.size() != columns.size()) {
            if (line() == null) {
                return null;
            }
            throw DamagedRunException.of(
                    file, "line " + (read + 2) + " has " + cells.size() + " values, expected " + columns.size(), null);
        }
        read++;
        return cells;
    }

    private @Nullable String line() throws IOException {
        try {
            return reader.readLine();
        } catch (CharacterCodingException e) {
            throw DamagedRunException.of(file, "it is not UTF-8", e);
        }
    }

    /** A row's value in a column; empty where the file lacks that. */
    String value(List<String> row, String column) {
        int index = columns.indexOf(column);
        return index < 0 ? "" : row.get(index);
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }
}
