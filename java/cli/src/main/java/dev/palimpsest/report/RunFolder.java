package dev.palimpsest.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.option.Option;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes a run's folder while it runs: run.json at once and at the end, steps.csv and the checkpoint after every
 * experience, metrics.json and confusion.json at the end. A kill at any moment leaves each file whole or absent. Not thread-safe.
 */
public final class RunFolder implements Progress {
    /** File names. */
    static final String RUN = "run.json";

    static final String METRICS = "metrics.json";
    static final String STEPS = "steps.csv";
    static final String CONFUSION = "confusion.json";
    private static final String DONE = "done";
    private static final String CHECKPOINT = "checkpoint/model.safetensors";

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path folder;
    private final ObjectNode run = JSON.createObjectNode();
    private final StepTable steps = new StepTable();
    private List<String> classes = List.of();
    private int[][] confusion = {};

    private RunFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Where a run comes from.
     *
     * @param recipe name of its recipe
     * @param command that repeats the run
     * @param block title of the suite's block it belongs to; empty for a run of no suite
     * @param label of its variant in the block
     * @param reference label of the variant that the block's others are paired with
     */
    public record Origin(String recipe, String command, String block, String label, String reference) {
        /** Of a run of no suite. */
        public Origin(String recipe, String command) {
            this(recipe, command, "", "", "");
        }
    }

    /** Whether a run was begun in the folder. */
    public static boolean isRun(Path folder) {
        return Files.exists(folder.resolve(RUN));
    }

    /**
     * Whether the folder holds the result of this recipe.
     *
     * @throws DamagedRunException with a sentence, if its record cannot be read
     * @throws IOException with a sentence, if it holds a run of another recipe
     */
    public static boolean isComplete(Path folder, SequencedMap<String, String> options) throws IOException {
        if (!isRun(folder)) {
            return false;
        }
        SavedRun saved = SavedRun.read(folder);
        Map<String, String> was = saved.options();
        SequencedMap<String, String> now = new LinkedHashMap<>(options);
        // Where the files lie changes nothing that is learnt from them.
        now.remove("data-folder");
        List<String> changed = now.entrySet().stream()
                .filter(option -> !option.getValue().equals(was.get(option.getKey())))
                .map(option -> option.getKey() + " = " + was.getOrDefault(option.getKey(), "not set") + ", now "
                        + option.getValue())
                .toList();
        if (!changed.isEmpty()) {
            throw new IOException(folder + " holds a run of another recipe (" + String.join("; ", changed)
                    + "): choose another folder with --out, or remove that run.");
        }
        return saved.text("status").equals(DONE) && saved.metrics().isPresent();
    }

    /**
     * Makes the folder and records in run.json that the run is on. What an unfinished run of the same recipe left
     * there is discarded.
     *
     * @throws IOException with a sentence, if the folder cannot be written or holds a complete run, or another
     *     recipe's
     */
    public static RunFolder create(Path folder, SequencedMap<String, String> options, Origin origin)
            throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (FileSystemException e) {
            throw AtomicFile.explained(folder, e);
        }
        if (isComplete(folder, options)) {
            throw new IOException(folder + " holds a run already; choose another folder with --out.");
        }
        RunFolder created = new RunFolder(folder);
        created.describe(options, origin);
        created.writeRun();
        for (String left : List.of(METRICS, STEPS, CONFUSION, CHECKPOINT)) {
            Files.deleteIfExists(folder.resolve(left));
        }
        return created;
    }

    private void describe(SequencedMap<String, String> texts, Origin origin) {
        Machine machine = Machine.here();
        run.put("status", "running");
        run.putNull("reason");
        run.put("recipe", origin.recipe());
        run.put("command", origin.command());
        run.put("block", origin.block());
        run.put("label", origin.label());
        run.put("reference", origin.reference());
        ObjectNode options = run.putObject("options");
        texts.forEach(options::put);
        run.putObject("seeds")
                .put("seed", Long.parseLong(texts.get("seed")))
                .put("order", texts.getOrDefault("order", ""));
        run.putObject("versions")
                .put("palimpsest", Build.version())
                .put("java", machine.java())
                .put("os", machine.os());
        run.put("commit", Build.commit().orElse(null));
        run.put("cpu", machine.cpu());
        run.put("cores", machine.cores());
        run.set("isa", JSON.valueToTree(machine.isa()));
        run.put("kernels", Kernels.chosen().toString());
        if (texts.containsKey("threads")) {
            run.put("threads", Integer.parseInt(texts.get("threads")));
        }
        run.put("started", now());
        run.putNull("finished");
        run.putNull("data_sha256");
        run.putNull("weights_sha256");
    }

    public Path path() {
        return folder;
    }

    @Override
    public void computes(String engine, List<String> remarks) {
        run.put("engine", engine);
        run.set("engine_remarks", JSON.valueToTree(remarks));
        writeRun();
    }

    @Override
    public void begins(Setup setup) {
        run.set("data_sha256", JSON.valueToTree(setup.dataSha256()));
        classes = setup.classNames();
        run.set("classes", JSON.valueToTree(classes));
        run.put("weights", setup.weights());
        writeRun();
    }

    @Override
    public void step(Step step) {
        steps.add(step);
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        confusion = evaluation.confusion();
        write(STEPS, steps.toCsv());
    }

    @Override
    public void checkpoint(Supplier<SafetensorsWriter> state) {
        Path file = folder.resolve(CHECKPOINT);
        try {
            Files.createDirectories(file.getParent());
            AtomicFile.write(file, state.get()::writeTo);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /**
     * A run's models.
     *
     * @throws IOException with a sentence, if the folder holds no run, or the run no models yet
     */
    public static Path checkpoint(Path run) throws IOException {
        if (!Files.isRegularFile(run.resolve(RUN))) {
            throw new IOException(run + " is not a run folder: it holds no " + RUN + ".");
        }
        Path file = run.resolve(CHECKPOINT);
        if (!Files.isRegularFile(file)) {
            throw new IOException(run
                    + " holds no model: the run ended before its first experience was over, or was made before runs"
                    + " kept "
                    + CHECKPOINT + ".");
        }
        return file;
    }

    @Override
    public void done(Result result) {
        write(STEPS, steps.toCsv());
        write(CONFUSION, json(new Confusion(classes.subList(0, confusion.length), confusion)));
        write(METRICS, json(Metrics.of(result)));
        run.put("weights_sha256", result.weightsSha256());
        ObjectNode seconds = run.putObject("seconds_by_part");
        ObjectNode step = run.putObject("milliseconds_per_step");
        result.secondsByPart().forEach((part, spent) -> {
            seconds.put(Option.label(part), Math.round(1000 * spent) / 1000.0);
            step.put(Option.label(part), Math.round(1e6 * spent / steps.count()) / 1000.0);
        });
        finish(result.stopped().isPresent() ? "stopped" : DONE, result.stopped().orElse(null));
    }

    /** Records in run.json why there is no result; the steps so far are kept. */
    public void failed(String reason) {
        write(STEPS, steps.toCsv());
        finish("failed", reason);
    }

    private void finish(String status, @Nullable String reason) {
        run.put("status", status);
        run.put("reason", reason);
        run.put("finished", now());
        writeRun();
    }

    private void writeRun() {
        write(RUN, json(run));
    }

    private void write(String name, String text) {
        try {
            AtomicFile.write(folder.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static String now() {
        return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private static String json(Object value) {
        try {
            return JSON.writeValueAsString(value) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
