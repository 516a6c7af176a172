package dev.palimpsest.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.recipe.Option;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * Writes a run's folder while it runs: run.json at once and at the end, steps.csv after every experience, metrics.json at the end. A kill
 * at any moment leaves each file whole or absent. Not thread-safe.
 */
public final class RunFolder implements Progress {
    /** File names. */
    static final String RUN = "run.json";
    static final String METRICS = "metrics.json";
    static final String STEPS = "steps.csv";

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path folder;
    private final ObjectNode run = JSON.createObjectNode();
    private final StepTable steps = new StepTable();

    private RunFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Makes the folder and says in run.json that the run is on.
     *
     * @param recipeName as given on the command line
     * @param command that repeats the run
     * @throws IOException with a sentence, if the folder cannot be written or holds a run already
     */
    public static RunFolder create(Path folder, String recipeName, Recipe recipe, String command) throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (FileSystemException e) {
            throw AtomicFile.explained(folder, e);
        }
        if (Files.exists(folder.resolve(RUN))) {
            throw new IOException(folder + " holds a run already; choose another folder with --out.");
        }
        RunFolder created = new RunFolder(folder);
        created.describe(recipeName, recipe, command);
        created.writeRun();
        return created;
    }

    private void describe(String recipeName, Recipe recipe, String command) {
        Machine machine = Machine.here();
        run.put("status", "running");
        run.putNull("reason");
        run.put("recipe", recipeName);
        run.put("command", command);
        ObjectNode options = run.putObject("options");
        recipe.toMap().forEach(options::put);
        run.putObject("seeds").put("seed", recipe.seed()).put("order", options.get("order").asText());
        run.putObject("versions").put("palimpsest", Build.version()).put("java", machine.java()).put("os", machine.os());
        run.put("commit", Build.commit().orElse(null));
        run.put("cpu", machine.cpu());
        run.set("isa", JSON.valueToTree(machine.isa()));
        run.put("kernels", Kernels.chosen().toString());
        run.put("threads", recipe.threads());
        run.put("started", now());
        run.putNull("finished");
        run.putNull("data_sha256");
        run.putNull("weights_sha256");
    }

    public Path path() {
        return folder;
    }

    @Override
    public void begins(Setup setup) {
        run.set("data_sha256", JSON.valueToTree(setup.dataSha256()));
        run.set("classes", JSON.valueToTree(setup.classNames()));
        run.put("weights", setup.weights());
        writeRun();
    }

    @Override
    public void step(Step step) {
        steps.add(step);
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        write(STEPS, steps.toCsv());
    }

    @Override
    public void done(Result result) {
        write(STEPS, steps.toCsv());
        write(METRICS, json(Metrics.of(result)));
        run.put("weights_sha256", result.weightsSha256());
        ObjectNode seconds = run.putObject("seconds_by_part");
        result.secondsByPart().forEach((part, spent) -> seconds.put(Option.label(part), Math.round(1000 * spent) / 1000.0));
        finish(result.stopped().isPresent() ? "stopped" : "done", result.stopped().orElse(null));
    }

    /** Says in run.json why there is no result; the steps so far are kept. */
    public void failed(String reason) {
        write(STEPS, steps.toCsv());
        finish("failed", reason);
    }

    private void finish(String status, String reason) {
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
