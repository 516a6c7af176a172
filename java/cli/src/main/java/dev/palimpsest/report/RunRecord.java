package dev.palimpsest.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.internal.Checksum;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.option.Option;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.SequencedMap;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * The content of run.json, as it grows while the run is on. It has its own checksum, and once the run is over those of
 * the files beside it, by their names. Not thread-safe.
 */
final class RunRecord {
    /** Of a run that is on, or was killed. */
    static final String RUNNING = "running";

    static final String DONE = "done";
    /** Of a run that its own budget ended early, whose result counts. */
    static final String STOPPED = "stopped";

    static final String FAILED = "failed";
    static final String INTERRUPTED = "interrupted";

    /** Checksums of the other files. */
    static final String FILES = "files_crc32c";

    /** SHA-256 of the files of the data set, and of weights that the run began from. */
    static final String DATA = "data_sha256";

    static final String CHECKPOINT_EVERY = "checkpoint_every";

    private static final String FORMAT = "palimpsest-run 2";
    private static final String CHECKSUM = "palimpsest_crc32c";
    /** What stands before the digits of the file's own checksum: within a string its quotes would be escaped. */
    private static final String MARK = "\"" + CHECKSUM + "\" : \"";

    private final ObjectNode run = JsonText.object();

    /** @param texts every option of the run */
    RunRecord(SequencedMap<String, String> texts, Origin origin, CheckpointEvery every) {
        Machine machine = Machine.here();
        run.put(CHECKSUM, Checksum.UNKNOWN);
        run.put("format", FORMAT);
        run.put("status", RUNNING);
        run.putNull("reason");
        run.put("recipe", origin.recipe());
        run.put("command", origin.command());
        run.put("block", origin.block());
        run.put("label", origin.label());
        run.put("reference", origin.reference());
        run.put(CHECKPOINT_EVERY, every.toString());
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
        run.set("isa", JsonText.array(machine.isa()));
        run.put("kernels", Kernels.chosen().toString());
        run.set("garbage_collectors", JsonText.array(machine.collector()));
        run.set("jvm_flags", JsonText.array(machine.flags()));
        run.set("environment", JsonText.object(machine.environment()));
        if (texts.containsKey("threads")) {
            run.put("threads", Integer.parseInt(texts.get("threads")));
        }
        run.put("started", now());
        run.putNull("finished");
        run.putNull(DATA);
        run.putNull("weights_sha256");
    }

    private static String now() {
        return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    }

    void computes(String engine, List<String> remarks) {
        run.put("engine", engine);
        run.set("engine_remarks", JsonText.array(remarks));
    }

    void begins(Progress.Setup setup) {
        run.set(DATA, JsonText.object(setup.dataSha256()));
        run.set("classes", JsonText.array(setup.classNames()));
        run.put("weights", setup.weights());
    }

    /**
     * @param experiences that were done before this process began
     * @param steps of the next experience that were done then
     */
    void resumes(int experiences, int steps) {
        run.put("experiences_before", experiences);
        run.put("steps_before", steps);
    }

    void remark(String sentence) {
        run.put("remark", sentence);
    }

    /** @param steps that this process made, which the times are of */
    void done(Result result, long steps) {
        run.put("weights_sha256", result.weightsSha256());
        ObjectNode seconds = run.putObject("seconds_by_part");
        ObjectNode step = run.putObject("milliseconds_per_step");
        result.secondsByPart().forEach((part, spent) -> {
            seconds.put(Option.label(part), Math.round(1000 * spent) / 1000.0);
            step.put(Option.label(part), Math.round(1e6 * spent / Math.max(1, steps)) / 1000.0);
        });
        run.set("bytes", bytes(result.kept()));
        run.set("classification", classification(result.classification()));
    }

    private static ObjectNode bytes(Result.Kept kept) {
        return JsonText.object()
                .put("model", kept.model())
                .put("snapshots", kept.snapshots())
                .put("exemplars", kept.exemplars())
                .put("statistics", kept.statistics())
                .put("method_memory", kept.methodMemory())
                .put("total", kept.total());
    }

    private static ObjectNode classification(Result.Classification measured) {
        ObjectNode object = JsonText.object()
                .put("passes_per_image", measured.passesPerImage())
                .put("milliseconds_per_image", measured.millisecondsPerImage());
        if (measured.calibrationError().isEmpty()) {
            return object.put("probabilities", "uncalibrated, as validation holds no images out")
                    .putNull("temperature")
                    .putNull("expected_calibration_error");
        }
        return object.put("probabilities", "softmax(temperature · score)")
                .put("temperature", measured.temperature().orElseThrow())
                .put("expected_calibration_error", measured.calibrationError().getAsDouble());
    }

    /** @param reason why the run has no result, or a part of it alone; null for one that is done */
    void ends(String status, @Nullable String reason) {
        run.put("status", status);
        run.put("reason", reason);
        run.put("finished", now());
    }

    /** @param checksums of the files beside run.json, which nothing is written to any more, by name */
    void keeps(SortedMap<String, String> checksums) {
        run.set(FILES, JsonText.object(checksums));
    }

    /** The file's content, UTF-8. */
    byte[] text() {
        byte[] text = JsonText.of(run).getBytes(StandardCharsets.UTF_8);
        Checksum.mark(text, MARK);
        return text;
    }

    /**
     * Holds a file against its own checksum.
     *
     * @param text the file's content
     * @param content the same, read
     * @return whether it has a checksum; those of earlier versions have none
     * @throws DamagedRunException with a sentence, if it is not what was written, or of another version
     */
    static boolean check(Path file, byte[] text, JsonNode content) throws DamagedRunException {
        String found = Checksum.ofMarked(text, MARK);
        String format = content.path("format").asText();
        if (found.isEmpty() && !content.has(CHECKSUM) && !content.has("format")) {
            return false;
        }
        String expected = content.path(CHECKSUM).asText();
        if (found.isEmpty() || !found.equals(expected)) {
            throw new DamagedRunException(file + " is damaged: "
                    + (found.isEmpty()
                            ? "it has no checksum"
                            : "it has the checksum " + found + ", expected " + expected)
                    + "; restore it from a copy, or remove " + CHECKSUM + ", format and " + FILES
                    + " from it if it was edited on purpose.");
        }
        if (!format.equals(FORMAT)) {
            throw new DamagedRunException(file + " is of another version of Palimpsest: expected format " + FORMAT
                    + ", found " + format + "; read it with the version that wrote it.");
        }
        return true;
    }
}
