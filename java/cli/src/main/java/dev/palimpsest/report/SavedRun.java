package dev.palimpsest.report;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.internal.Checksum;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;

/**
 * A run as its folder records it.
 *
 * @param run the content of run.json
 * @param status as run.json has it; {@code killed} where that says running, and nobody held the folder when it was read
 * @param metrics the content of metrics.json, empty while there is none
 * @param checked whether run.json has its checksum, which was found right
 */
record SavedRun(Path folder, JsonNode run, String status, Optional<Metrics> metrics, boolean checked) {
    static final String KILLED = "killed";

    private static final ObjectMapper JSON = new ObjectMapper();
    /** A suite's folder, its blocks, their variants, and their class orders; run.json lies in these. */
    static final int DEPTH = 4;

    private static final List<String> COMPLETE = List.of(RunRecord.DONE, RunRecord.STOPPED);

    /**
     * What folders hold.
     *
     * @param runs each once
     * @param damaged a sentence each about runs that cannot be read
     */
    record Found(List<SavedRun> runs, List<String> damaged) {}

    /**
     * The runs in the folders and below them, each once, outer ones first.
     *
     * @throws IOException with a sentence, if a folder holds none, or all are damaged
     */
    static Found find(List<Path> folders) throws IOException {
        SequencedSet<Path> places = new LinkedHashSet<>();
        for (Path folder : folders) {
            places.addAll(places(folder));
        }
        SequencedMap<Path, SavedRun> runs = new LinkedHashMap<>();
        List<String> damaged = new ArrayList<>();
        for (Path place : places) {
            try {
                runs.putIfAbsent(place.toAbsolutePath().normalize(), read(place));
            } catch (DamagedRunException e) {
                damaged.add(e.getMessage());
            }
        }
        if (runs.isEmpty()) {
            throw new DamagedRunException(String.join(" ", damaged));
        }
        return new Found(List.copyOf(runs.values()), damaged);
    }

    /** Folders with a run.json. */
    private static List<Path> places(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw RunFiles.noRun(folder);
        }
        List<Path> places = new ArrayList<>();
        Files.walkFileTree(folder, EnumSet.noneOf(FileVisitOption.class), DEPTH, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (file.endsWith(RunFiles.RUN)) {
                    places.add(file.getParent());
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                return FileVisitResult.CONTINUE; // a folder that may not be entered shows no run
            }
        });
        if (places.isEmpty()) {
            throw RunFiles.noRun(folder);
        }
        places.sort(Comparator.comparingInt(Path::getNameCount).thenComparing(Comparator.naturalOrder()));
        return places;
    }

    /**
     * Reads a folder's record.
     *
     * @throws DamagedRunException with a sentence, if it cannot be read or is not whole
     */
    static SavedRun read(Path folder) throws DamagedRunException {
        Path file = folder.resolve(RunFiles.RUN);
        try {
            byte[] text = bytes(file);
            JsonNode run = JSON.readTree(text);
            boolean checked = RunRecord.check(file, text, run);
            JsonNode options = run.path("options");
            if (!options.isObject()) {
                throw DamagedRunException.of(file, "it has no options", null);
            }
            if (!options.valueStream().allMatch(JsonNode::isTextual)) {
                throw DamagedRunException.of(file, "an option is no text", null);
            }
            String status = status(folder, run);
            file = folder.resolve(RunFiles.METRICS);
            check(file, run);
            if (!Files.exists(file)) {
                return new SavedRun(folder, run, status, Optional.empty(), checked);
            }
            Metrics metrics = JSON.readValue(bytes(file), Metrics.class);
            if (metrics == null || !metrics.isWhole()) {
                throw DamagedRunException.of(file, "its figures do not fit together", null);
            }
            return new SavedRun(folder, run, status, Optional.of(metrics), checked);
        } catch (DamagedRunException e) {
            throw e;
        } catch (IOException e) {
            throw DamagedRunException.of(file, e);
        }
    }

    /** Holds a file beside run.json against the checksum that has for it, if it has one. */
    private static void check(Path file, JsonNode run) throws IOException {
        String expected =
                run.path(RunRecord.FILES).path(file.getFileName().toString()).asText("");
        if (expected.isEmpty()) {
            return;
        }
        if (!Files.isRegularFile(file)) {
            throw new DamagedRunException(file + " is missing: restore it from a copy, or repeat the run.");
        }
        String found = Checksum.of(file);
        if (!found.equals(expected)) {
            throw DamagedRunException.of(file, "it has the checksum " + found + ", expected " + expected, null);
        }
    }

    private static byte[] bytes(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("it is not a regular file");
        }
        return Files.readAllBytes(file);
    }

    private static String status(Path folder, JsonNode run) {
        String status = run.path("status").asText("");
        return status.equals(RunRecord.RUNNING) && !FolderLock.held(folder.resolve(RunFiles.LOCK)) ? KILLED : status;
    }

    /** Whether it has figures to compare. */
    boolean isComparable() {
        return metrics.isPresent() && COMPLETE.contains(status);
    }

    /** Why its figures are left out, or what they lack; empty for a run that is done. */
    Optional<String> remark() {
        String reason = run.path("reason").isTextual() ? " " + text("reason") : "";
        if (isComparable()) {
            return status.equals(RunRecord.DONE)
                    ? Optional.empty()
                    : Optional.of(folder + " ended early, after "
                            + metrics.orElseThrow().accuracy().length + " experiences:" + reason + ".");
        }
        String why = switch (status) {
            case RunRecord.FAILED -> "the run failed." + reason;
            case RunRecord.RUNNING -> "the run is not finished: it is on since " + text("started") + ".";
            case KILLED, RunRecord.INTERRUPTED -> "the run was " + status + " before its end.";
            default -> "the run has no result (status \"" + status + "\")." + reason;
        };
        return Optional.of(folder + " is left out: " + why);
    }

    /**
     * Holds a file against the checksum that run.json has for it, if it has one.
     *
     * @throws DamagedRunException with a sentence, if it is not what was written, or missing
     */
    void check(String name) throws IOException {
        check(folder.resolve(name), run);
    }

    /** That damage to its files would not be noticed; empty for runs of this version. */
    Optional<String> unchecked() {
        return checked
                ? Optional.empty()
                : Optional.of(folder + " has no checksums, as it is of an earlier version or was edited: damage to its"
                        + " files would not be noticed.");
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
     * The run's optimiser steps.
     *
     * @throws IOException with a sentence, if they cannot be read
     */
    SavedSteps steps() throws IOException {
        check(RunFiles.STEPS);
        return SavedSteps.read(folder.resolve(RunFiles.STEPS));
    }

    /**
     * Answers after the last experience.
     *
     * @throws IOException with a sentence, if they cannot be read
     */
    Optional<Confusion> confusion() throws IOException {
        check(RunFiles.CONFUSION);
        return Confusion.read(folder.resolve(RunFiles.CONFUSION));
    }
}
