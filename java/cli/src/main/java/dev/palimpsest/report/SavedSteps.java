package dev.palimpsest.report;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * The content of steps.csv.
 *
 * @param terms every loss term against the step, counted over the whole run; NaN where a term is missing
 * @param experiences of each step, counted from 0
 */
record SavedSteps(SequencedMap<String, double[]> terms, int[] experiences) {
    /**
     * Reads a run's steps.
     *
     * @return without steps, where there is no file yet
     * @throws IOException with a sentence, if the file is damaged
     */
    static SavedSteps read(Path file) throws IOException {
        SequencedMap<String, double[]> terms = new LinkedHashMap<>();
        // Of a run that is on the last row may be there in part.
        String text = Files.isRegularFile(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
        List<String> lines =
                text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        if (lines.isEmpty()) {
            return new SavedSteps(terms, new int[0]);
        }
        List<String> header = List.of(lines.getFirst().split(",", -1));
        int first = header.indexOf("loss");
        int end = header.indexOf("learning_rate");
        int experience = header.indexOf("experience");
        if (first < 0 || end < first || experience < 0) {
            throw DamagedRunException.of(file, "its first line names no experience, loss and learning_rate", null);
        }
        int[] experiences = new int[lines.size() - 1];
        double[][] columns = new double[end - first][experiences.length];
        for (int column = first; column < end; column++) {
            terms.put(header.get(column), columns[column - first]);
        }
        for (int row = 0; row < experiences.length; row++) {
            String[] cells = lines.get(row + 1).split(",", -1);
            try {
                if (cells.length != header.size()) {
                    throw DamagedRunException.of(
                            file,
                            "line " + (row + 2) + " has " + cells.length + " values, expected " + header.size(),
                            null);
                }
                experiences[row] = Integer.parseInt(cells[experience]);
                for (int column = first; column < end; column++) {
                    columns[column - first][row] =
                            cells[column].isEmpty() ? Double.NaN : Double.parseDouble(cells[column]);
                }
            } catch (NumberFormatException e) {
                throw DamagedRunException.of(file, "line " + (row + 2) + " has a value that is no number", e);
            }
        }
        return new SavedSteps(terms, experiences);
    }
}
