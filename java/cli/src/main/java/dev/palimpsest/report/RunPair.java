package dev.palimpsest.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.Set;

/** Two runs that are held against each other bit for bit: their conditions, steps, models and figures. Immutable. */
public final class RunPair {
    /** What nobody can promise to be the same: times. */
    private static final Set<String> TIMES = Set.of("seconds", "milliseconds_per_image");

    private static final ObjectMapper JSON = new ObjectMapper();

    private final SavedRun a;
    private final SavedRun b;

    private RunPair(SavedRun a, SavedRun b) {
        this.a = a;
        this.b = b;
    }

    /**
     * What was compared.
     *
     * @param same whether no difference was found
     * @param text a sentence: what is the same, or the first difference
     */
    public record Finding(boolean same, String text) {}

    /**
     * How much of a run there is.
     *
     * @param complete whether it went on to its end
     * @param steps that steps.csv has
     */
    public record Extent(boolean complete, long steps) {}

    /**
     * Reads two runs.
     *
     * @throws IOException with a sentence, if one of them cannot be read
     */
    public static RunPair of(Path a, Path b) throws IOException {
        return new RunPair(read(a), read(b));
    }

    private static SavedRun read(Path folder) throws IOException {
        if (!RunFiles.isRun(folder)) {
            throw RunFiles.noRun(folder);
        }
        SavedRun run = SavedRun.read(folder);
        run.check(RunFiles.STEPS);
        run.check(RunFiles.CONFUSION);
        return run;
    }

    /**
     * How much of a run can be compared.
     *
     * @throws IOException with a sentence, if it cannot be read
     */
    public static Extent extent(Path folder) throws IOException {
        SavedRun run = read(folder);
        boolean complete = run.status().equals(RunRecord.DONE);
        Path file = folder.resolve(RunFiles.STEPS);
        if (!complete && !Files.exists(file)) {
            return new Extent(false, 0);
        }
        try (StepRows rows = new StepRows(file)) {
            while (rows.next() != null) {
                // counted there
            }
            return new Extent(complete, rows.read());
        }
    }

    /** In what the runs differ that bits may depend on: options, data, versions, processor; each in a few words. */
    public List<String> decidingConditions() {
        return Conditions.deciding(a, b);
    }

    /** In what else they differ. */
    public List<String> otherConditions() {
        return Conditions.others(a, b);
    }

    /** Files of data that differ; empty also where one of the runs has not read any. */
    public List<String> data() {
        return Conditions.data(a, b);
    }

    /**
     * Compares what both runs have.
     *
     * @param steps the first so many alone, and nothing that comes after them; 0: everything
     * @param prefix whether the second run was ended where the steps of the first end, and lacks what came after
     * @return a finding each for steps, models, and figures
     * @throws IOException with a sentence, if a file cannot be read
     */
    public List<Finding> compare(long steps, boolean prefix) throws IOException {
        List<Finding> findings = new ArrayList<>(List.of(steps(steps)));
        if (steps == 0) {
            findings.add(models(prefix));
            if (a.metrics().isPresent() && b.metrics().isPresent()) {
                findings.add(figures());
            } else if (!prefix) {
                findings.add(
                        absent("figures", a.metrics().isPresent(), b.metrics().isPresent()));
            }
        }
        return findings;
    }

    private Finding absent(String what, boolean inA, boolean inB) {
        return inA == inB
                ? new Finding(true, "Neither run has " + what + ".")
                : new Finding(false, "Only " + (inA ? a : b).folder() + " has " + what + ".");
    }

    private Finding steps(long most) throws IOException {
        Path first = a.folder().resolve(RunFiles.STEPS);
        Path second = b.folder().resolve(RunFiles.STEPS);
        if (!Files.exists(first) || !Files.exists(second)) {
            return absent("steps", Files.exists(first), Files.exists(second));
        }
        try (StepRows x = new StepRows(first);
                StepRows y = new StepRows(second)) {
            SequencedSet<String> columns = new LinkedHashSet<>(x.columns());
            columns.addAll(y.columns());
            columns.remove(StepRows.SPEED);
            while (most == 0 || x.read() < most) {
                List<String> rowX = x.next();
                List<String> rowY = y.next();
                if (rowX == null && rowY == null) {
                    break;
                }
                if (rowX == null || rowY == null) {
                    return new Finding(
                            false,
                            "Steps: " + (rowX == null ? a : b).folder() + " ends after step "
                                    + Math.min(x.read(), y.read()) + ", " + (rowX == null ? b : a).folder()
                                    + " goes on.");
                }
                for (String column : columns) {
                    String valueX = x.value(rowX, column);
                    String valueY = y.value(rowY, column);
                    if (!valueX.equals(valueY)) {
                        return new Finding(
                                false,
                                "Steps: the first that differs is step " + x.read() + " (line " + (x.read() + 1)
                                        + " of " + RunFiles.STEPS + ", in experience " + experience(x, rowX)
                                        + "), in column " + column + ": " + both(valueX, valueY));
                    }
                }
            }
            return new Finding(
                    true,
                    "Steps: the first " + Math.min(x.read(), y.read()) + " are the same in every column but "
                            + StepRows.SPEED + ".");
        }
    }

    /** Counted from 1, as for people everywhere. */
    private static String experience(StepRows rows, List<String> row) {
        try {
            return Integer.toString(Integer.parseInt(rows.value(row, "experience")) + 1);
        } catch (NumberFormatException e) {
            return "\"" + rows.value(row, "experience") + "\"";
        }
    }

    private String both(String x, String y) {
        return (x.isEmpty() ? "blank" : x) + " in " + a.folder() + ", " + (y.isEmpty() ? "blank" : y) + " in "
                + b.folder() + ".";
    }

    private Finding models(boolean prefix) throws IOException {
        Optional<Path> first = checkpoint(a);
        Optional<Path> second = checkpoint(b);
        if (first.isEmpty() || second.isEmpty()) {
            return first.isPresent() && prefix
                    ? new Finding(true, "Models: not compared, as the steps end before the first experience does.")
                    : absent("models", first.isPresent(), second.isPresent());
        }
        Safetensors x = Safetensors.read(first.get());
        Safetensors y = Safetensors.read(second.get());
        int experiencesX = Checkpoint.of(x).experiences();
        int experiencesY = Checkpoint.of(y).experiences();
        if (experiencesX != experiencesY) {
            String counts = "after experience " + experiencesX + " in " + a.folder() + ", after experience "
                    + experiencesY + " in " + b.folder() + ".";
            return new Finding(prefix, "Models: not compared, as the last are " + counts);
        }
        return TensorDifference.first(x, y)
                .map(difference -> new Finding(
                        false, "Models: the first difference is in " + difference.text(a.folder(), b.folder())))
                .orElseGet(() -> new Finding(
                        true,
                        "Models: all " + x.names().size() + " tensors of the checkpoint after experience "
                                + experiencesX + " are the same."));
    }

    /** A complete run that lacks its models is a damaged one, unless nobody ever kept any. */
    private static Optional<Path> checkpoint(SavedRun run) throws IOException {
        return RunFiles.hasModels(run.folder()) ? Optional.of(RunFiles.checkpoint(run.folder())) : Optional.empty();
    }

    private Finding figures() throws IOException {
        for (String name : List.of(RunFiles.METRICS, RunFiles.CONFUSION)) {
            Path first = a.folder().resolve(name);
            Path second = b.folder().resolve(name);
            if (Files.isRegularFile(first) && Files.isRegularFile(second)) {
                Optional<String> difference = difference(
                        "", JSON.readTree(Files.readAllBytes(first)), JSON.readTree(Files.readAllBytes(second)));
                if (difference.isPresent()) {
                    return new Finding(false, "Figures: the first of " + name + " that differs is " + difference.get());
                }
            }
        }
        return new Finding(true, "Figures: all but times are the same.");
    }

    private Optional<String> difference(String place, JsonNode x, JsonNode y) {
        if (x.isContainerNode() && x.getNodeType() == y.getNodeType() && x.size() == y.size()) {
            if (x.isArray()) {
                for (int i = 0; i < x.size(); i++) {
                    Optional<String> found = difference(place + "[" + i + "]", x.get(i), y.get(i));
                    if (found.isPresent()) {
                        return found;
                    }
                }
                return Optional.empty();
            }
            SequencedSet<String> names = new LinkedHashSet<>();
            x.fieldNames().forEachRemaining(names::add);
            y.fieldNames().forEachRemaining(names::add);
            names.removeAll(TIMES);
            for (String name : names) {
                Optional<String> found =
                        difference(place.isEmpty() ? name : place + "." + name, x.path(name), y.path(name));
                if (found.isPresent()) {
                    return found;
                }
            }
            return Optional.empty();
        }
        return x.equals(y) ? Optional.empty() : Optional.of(place + ": " + both(x.toString(), y.toString()));
    }
}
