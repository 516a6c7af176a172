package dev.palimpsest.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;

/**
 * What a run that a folder holds was asked for, and whether another with the same options would repeat it, go on with
 * it or replace it.
 *
 * @param options of its recipe
 * @param origin recipe and command
 * @param every how often it keeps its state inside experiences
 */
public record EarlierRun(SequencedMap<String, String> options, Origin origin, CheckpointEvery every) {
    /**
     * Reads what a run was asked for.
     *
     * @param run its folder, or the file run.json in that
     * @return as run.json has it
     * @throws IOException with a sentence, if there is no run, or one that cannot be read
     */
    public static EarlierRun read(Path run) throws IOException {
        Path folder = run.endsWith(RunFiles.RUN) ? run.resolveSibling("") : run;
        if (!Files.isRegularFile(folder.resolve(RunFiles.RUN))) {
            throw RunFiles.noRun(run);
        }
        SavedRun was = SavedRun.read(folder);
        return new EarlierRun(
                was.options(),
                new Origin(
                        was.text("recipe"),
                        was.text("command"),
                        was.text("block"),
                        was.text("label"),
                        was.text("reference")),
                was.text(RunRecord.CHECKPOINT_EVERY).isEmpty()
                        ? CheckpointEvery.DEFAULT
                        : CheckpointEvery.parse(was.text(RunRecord.CHECKPOINT_EVERY)));
    }

    /**
     * Whether the folder holds the result of this recipe. What a failed run left, or one that ended before its first
     * checkpoint, counts as nothing.
     *
     * @param folder any
     * @param options of the recipe
     * @return whether a run with the same options is done there
     * @throws DamagedRunException with a sentence, if its record cannot be read
     * @throws IOException with a sentence, if it holds a run of another recipe
     */
    public static boolean isComplete(Path folder, SequencedMap<String, String> options) throws IOException {
        if (!RunFiles.isRun(folder)) {
            return false;
        }
        SavedRun saved = SavedRun.read(folder);
        String status = saved.status();
        boolean result = saved.isComparable();
        boolean models = Files.exists(folder.resolve(RunFiles.CHECKPOINT)) && !status.equals(RunRecord.FAILED);
        List<String> changed = changed(saved.options(), options);
        if ((result || models || status.equals(RunRecord.RUNNING)) && !changed.isEmpty()) {
            throw new IOException(folder + " holds " + (result ? "a run" : "an unfinished run")
                    + " of another recipe (" + String.join("; ", changed)
                    + "): choose another folder with --out, or remove that run.");
        }
        return result && status.equals(RunRecord.DONE) && changed.isEmpty();
    }

    /** Whether a run of the same recipe was cut short. */
    static boolean isUnfinished(Path folder, SequencedMap<String, String> options) throws IOException {
        if (!RunFiles.isRun(folder)) {
            return false;
        }
        SavedRun was = SavedRun.read(folder);
        // What a budget stopped is a result of its own.
        return !was.status().equals(RunRecord.STOPPED)
                && changed(was.options(), options).isEmpty();
    }

    private static List<String> changed(Map<String, String> was, SequencedMap<String, String> options) {
        SequencedMap<String, String> now = new LinkedHashMap<>(options);
        // Where the files lie changes nothing that is learnt from them.
        now.remove("data-folder");
        return now.entrySet().stream()
                .filter(option -> !option.getValue().equals(was.get(option.getKey())))
                .map(option -> option.getKey() + " = " + was.getOrDefault(option.getKey(), "not set") + ", now "
                        + option.getValue())
                .toList();
    }

    /**
     * In what a data set's files are not those that a run recorded.
     *
     * @param run its folder
     * @param sha256 of the files, by name
     * @return a sentence, without its end; empty if they are the same, or the run recorded none
     * @throws IOException with a sentence, if the run cannot be read
     */
    public static Optional<String> otherData(Path run, SortedMap<String, String> sha256) throws IOException {
        return otherData(run, SavedRun.read(run).run().path(RunRecord.DATA), sha256);
    }

    /** @param recorded SHA-256 of the files that the run was trained on, by name, as run.json has it */
    static Optional<String> otherData(Path run, JsonNode recorded, SortedMap<String, String> sha256) {
        List<String> others = Conditions.otherFiles(recorded, sha256);
        return others.isEmpty()
                ? Optional.empty()
                : Optional.of("The data are not those of " + run + ": " + String.join("; ", others));
    }
}
