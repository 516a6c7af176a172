package dev.palimpsest.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoint.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Stream;

/**
 * A run as its folder records it.
 *
 * @param run the content of run.json
 * @param metrics the content of metrics.json, empty while there is none
 */
record SavedRun(Path folder, JsonNode run, Optional<Metrics> metrics) {
    static final String KILLED = "killed";

    private static final ObjectMapper JSON = new ObjectMapper();
    /** A suite's folder, its blocks, their variants, and their class orders; run.json lies in these. */
    private static final int DEPTH = 4;

    /**
     * The runs in the folders and below them, each once.
     *
     * @throws IOException with a sentence, if a folder holds none
     */
    static List<SavedRun> find(List<Path> folders) throws IOException {
        SequencedMap<Path, SavedRun> runs = new LinkedHashMap<>();
        for (Path folder : folders) {
            find(folder)
                    .forEach(run ->
                            runs.putIfAbsent(run.folder().toAbsolutePath().normalize(), run));
        }
        return List.copyOf(runs.values());
    }

    /**
     * The runs in the folder and below it, outer ones first.
     *
     * @throws IOException with a sentence, if there is none
     */
    static List<SavedRun> find(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException("There is no run folder " + folder + ".");
        }
        List<Path> folders;
        try (Stream<Path> files = Files.walk(folder, DEPTH)) {
            folders = files.filter(file -> file.endsWith(RunFolder.RUN))
                    .map(Path::getParent)
                    .sorted(Comparator.comparingInt(Path::getNameCount).thenComparing(Comparator.naturalOrder()))
                    .toList();
        }
        if (folders.isEmpty()) {
            throw new IOException(folder + " is not a run folder: it holds no " + RunFolder.RUN + ".");
        }
        List<SavedRun> runs = new ArrayList<>();
        for (Path found : folders) {
            runs.add(read(found));
        }
        return runs;
    }

    static SavedRun read(Path folder) throws IOException {
        Path file = folder.resolve(RunFolder.RUN);
        try {
            JsonNode run = JSON.readTree(file.toFile());
            if (!run.path("options").isObject()) {
                throw new IOException(file + " is damaged: it has no options.");
            }
            file = folder.resolve(RunFolder.METRICS);
            return new SavedRun(
                    folder,
                    run,
                    Files.exists(file) ? Optional.of(JSON.readValue(file.toFile(), Metrics.class)) : Optional.empty());
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is damaged: " + e.getOriginalMessage() + ".", e);
        }
    }

    /** As run.json has it; {@code killed} where that says running, and nobody holds the folder any more. */
    String status() {
        String status = text("status");
        return status.equals(RunFolder.RUNNING) && !FolderLock.held(folder.resolve(RunFolder.LOCK)) ? KILLED : status;
    }

    String text(String key) {
        return run.path(key).asText("");
    }

    SequencedMap<String, String> options() {
        return JSON.convertValue(run.path("options"), new TypeReference<LinkedHashMap<String, String>>() {});
    }

    String option(String name) {
        return run.path("options").path(name).asText("");
    }

    /**
     * Every loss term against the step, counted over the whole run; NaN where a term is missing. Empty while there are
     * no steps.
     */
    SequencedMap<String, double[]> lossTerms() throws IOException {
        SequencedMap<String, double[]> columns = new LinkedHashMap<>();
        Path file = folder.resolve(RunFolder.STEPS);
        if (!Files.exists(file)) {
            return columns;
        }
        String content = Files.readString(file);
        // Of a run that is on the last row may be there in part.
        List<String> lines =
                content.substring(0, content.lastIndexOf('\n') + 1).lines().toList();
        if (lines.isEmpty()) {
            return columns;
        }
        String[] header = lines.getFirst().split(",");
        int first = List.of(header).indexOf("loss");
        int end = List.of(header).indexOf("learning_rate");
        if (first < 0 || end < first) {
            throw new IOException(file + " is damaged: its first line names no loss and learning_rate.");
        }
        for (int column = first; column < end; column++) {
            double[] values = new double[lines.size() - 1];
            for (int row = 0; row < values.length; row++) {
                String text = lines.get(row + 1).split(",", -1)[column];
                values[row] = text.isEmpty() ? Double.NaN : Double.parseDouble(text);
            }
            columns.put(header[column], values);
        }
        return columns;
    }
}
