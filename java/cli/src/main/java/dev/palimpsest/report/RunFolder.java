package dev.palimpsest.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.checkpoint.Position;
import dev.palimpsest.data.DataException;
import dev.palimpsest.internal.Checksum;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes a run's folder while it runs: run.json at once and at the end, steps.csv as steps are made, the checkpoint
 * after every experience and now and then inside one, metrics.json and confusion.json at the end. The folder is locked
 * until it is closed. A kill at any moment leaves each file whole or absent; steps.csv may lack its last rows. For the
 * thread that trains; {@link #stop} and {@link #interrupted} for any.
 */
public final class RunFolder implements Progress, AutoCloseable {
    /** File names. */
    static final String RUN = "run.json";

    static final String METRICS = "metrics.json";
    static final String STEPS = "steps.csv";
    static final String CONFUSION = "confusion.json";
    static final String LOCK = "run.lock";
    private static final String CHECKPOINT_FOLDER = "checkpoint";
    private static final String CHECKPOINT = CHECKPOINT_FOLDER + "/model.safetensors";
    /** The checkpoint before that one, for when that one is damaged. */
    private static final String PREVIOUS = CHECKPOINT_FOLDER + "/previous.safetensors";
    /** The state in the midst of an experience. */
    private static final String INSIDE = CHECKPOINT_FOLDER + "/inside.safetensors";

    private static final String PREVIOUS_INSIDE = CHECKPOINT_FOLDER + "/inside-previous.safetensors";

    /** States in run.json. */
    private static final String DONE = "done";

    private static final String STOPPED = "stopped";
    private static final String FAILED = "failed";
    private static final String INTERRUPTED = "interrupted";

    /** Room for run.json and the last rows of steps.csv on a disk that is full. */
    private static final int RESERVE = 1 << 16;

    private final Path folder;
    private final FolderLock lock;
    private final RunRecord record;
    private final StepTable steps;
    private List<String> classes = List.of();
    private int[][] confusion = {};
    private final CheckpointEvery every;
    private final LastTwo checkpoints;
    private final LastTwo positions;
    private long stepsSince;
    private long nanosAtLast = System.nanoTime();
    /** SHA-256 of the files that the part of the run before this was trained on, by name. */
    private JsonNode recordedData = MissingNode.getInstance();
    /** Nothing is written any more. */
    private boolean over;

    /** Somebody wants the run to end where it can go on from. */
    private volatile boolean stopping;
    /** The run says where inside an experience it could go on from. */
    private boolean offersStates;

    private int experiences;
    /** Of the experience after those. */
    private int stepsInside;
    /** What the newest checkpoint is of, in words; empty without one. */
    private volatile String kept = "";

    private RunFolder(Path folder, FolderLock lock, RunRecord record, CheckpointEvery every) {
        this.folder = folder;
        this.lock = lock;
        this.record = record;
        this.every = every;
        checkpoints = new LastTwo(folder.resolve(CHECKPOINT), folder.resolve(PREVIOUS));
        positions = new LastTwo(folder.resolve(INSIDE), folder.resolve(PREVIOUS_INSIDE));
        steps = new StepTable(folder.resolve(STEPS));
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
     * What run.json says of where a run came from.
     *
     * @param options of its recipe
     * @param every how often it keeps its state inside experiences
     */
    public record Recorded(SequencedMap<String, String> options, Origin origin, CheckpointEvery every) {}

    /**
     * Reads what a run was asked for.
     *
     * @param run its folder, or the file run.json in that
     * @throws IOException with a sentence, if there is no run, or one that cannot be read
     */
    public static Recorded recorded(Path run) throws IOException {
        Path folder = run.endsWith(RUN) ? run.resolveSibling("") : run;
        if (!Files.isRegularFile(folder.resolve(RUN))) {
            throw new IOException(run + " is not a run folder: it holds no " + RUN + ".");
        }
        SavedRun was = SavedRun.read(folder);
        return new Recorded(
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
     * @throws DamagedRunException with a sentence, if its record cannot be read
     * @throws IOException with a sentence, if it holds a run of another recipe
     */
    public static boolean isComplete(Path folder, SequencedMap<String, String> options) throws IOException {
        if (!isRun(folder)) {
            return false;
        }
        SavedRun saved = SavedRun.read(folder);
        String status = saved.status();
        boolean result = saved.metrics().isPresent() && (status.equals(DONE) || status.equals(STOPPED));
        boolean models = Files.exists(folder.resolve(CHECKPOINT)) && !status.equals(FAILED);
        List<String> changed = changed(saved.options(), options);
        if ((result || models || status.equals(RunRecord.RUNNING)) && !changed.isEmpty()) {
            throw new IOException(folder + " holds " + (result ? "a run" : "an unfinished run")
                    + " of another recipe (" + String.join("; ", changed)
                    + "): choose another folder with --out, or remove that run.");
        }
        return result && status.equals(DONE) && changed.isEmpty();
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

    /** As {@link #create(Path, SequencedMap, Origin, CheckpointEvery)}, with the usual time between checkpoints. */
    public static RunFolder create(Path folder, SequencedMap<String, String> options, Origin origin)
            throws IOException {
        return create(folder, options, origin, CheckpointEvery.DEFAULT);
    }

    /**
     * Makes the folder, locks it, and records in run.json that the run is on. The run goes on from the last whole
     * checkpoint of an unfinished run of the same recipe; whatever else was left there is discarded.
     *
     * @param every how often the run keeps its state inside experiences
     * @throws IOException with a sentence, if the folder cannot be written, another process is at work in it, or it
     *     holds a complete run, or another recipe's
     */
    public static RunFolder create(
            Path folder, SequencedMap<String, String> options, Origin origin, CheckpointEvery every)
            throws IOException {
        FolderLock lock = lock(folder);
        boolean made = false;
        try {
            if (isComplete(folder, options)) {
                throw new IOException(folder + " holds a run already; choose another folder with --out.");
            }
            RunFolder created = new RunFolder(folder, lock, new RunRecord(options, origin, every), every);
            if (!isUnfinished(folder, options) || !created.findCheckpoints()) {
                created.discard();
            } else {
                created.recordedData = SavedRun.read(folder).run().path(RunRecord.DATA);
            }
            lock.reserve(RESERVE);
            created.writeRun();
            made = true;
            return created;
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            if (!made) {
                lock.close();
            }
        }
    }

    /** Whether a run of the same recipe was cut short. */
    private static boolean isUnfinished(Path folder, SequencedMap<String, String> options) throws IOException {
        if (!Files.exists(folder.resolve(RUN))) {
            return false;
        }
        SavedRun was = SavedRun.read(folder);
        // What a budget stopped is a result of its own.
        return !was.status().equals(STOPPED) && changed(was.options(), options).isEmpty();
    }

    /** Finds the newest whole checkpoints; one inside an experience goes with that after the experience before. */
    private boolean findCheckpoints() throws IOException {
        Optional<Path> after = checkpoints.find(file -> Checkpoint.read(file).experiences() > 0);
        int done = after.isPresent() ? Checkpoint.read(after.get()).experiences() : 0;
        Optional<Path> inside =
                positions.find(file -> Position.read(file).place().experience() == done);
        return after.isPresent() || inside.isPresent();
    }

    private static FolderLock lock(Path folder) throws IOException {
        makeFolder(folder);
        return FolderLock.take(folder.resolve(LOCK))
                .orElseThrow(() -> new IOException("Another run is writing into " + folder
                        + ": wait for its end, or choose another folder with --out."));
    }

    private static void makeFolder(Path folder) throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw AtomicFile.explained(folder, e);
        }
    }

    /** What another run left, its unfinished files too. */
    private void discard() throws IOException {
        for (String left : List.of(RUN, METRICS, STEPS, CONFUSION)) {
            Files.deleteIfExists(folder.resolve(left));
        }
        checkpoints.delete();
        positions.delete();
        for (Path place : List.of(folder, folder.resolve(CHECKPOINT_FOLDER))) {
            if (Files.isDirectory(place)) {
                try (Stream<Path> files = Files.list(place)) {
                    for (Path file : files.filter(
                                    file -> file.toString().endsWith(AtomicFile.UNFINISHED) || EventFile.isOne(file))
                            .toList()) {
                        Files.delete(file);
                    }
                }
            }
        }
    }

    public Path path() {
        return folder;
    }

    @Override
    public void computes(String engine, List<String> remarks) {
        record.computes(engine, remarks);
        writeRun();
    }

    @Override
    public void begins(Setup setup) {
        if (!recordedData.isMissingNode()) {
            otherData(folder, recordedData, setup.dataSha256()).ifPresent(what -> {
                throw new DataException(what + ". The run cannot go on with them: put its files back, or choose another"
                        + " folder with --out.");
            });
        }
        classes = setup.classNames();
        record.begins(setup);
        writeRun();
    }

    @Override
    public void experienceBegins(Arrival arrival) {
        endIfStopping();
    }

    @Override
    public void step(Step step) {
        write(() -> steps.add(step));
        stepsInside = step.step() + 1;
        if (!offersStates) {
            endIfStopping(); // nothing would be kept any later
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        confusion = evaluation.confusion();
        experiences = evaluation.experience() + 1;
        stepsInside = 0;
        write(steps::write);
    }

    @Override
    public void checkpoint(Supplier<SafetensorsWriter> state) {
        keep(checkpoints, state);
    }

    @Override
    public void inside(Supplier<SafetensorsWriter> state) {
        offersStates = true;
        stepsSince++;
        if (stopping || every.due(stepsSince, System.nanoTime() - nanosAtLast)) {
            keep(positions, state);
        }
        endIfStopping();
    }

    private void keep(LastTwo files, Supplier<SafetensorsWriter> state) {
        write(() -> {
            SafetensorsWriter content = state.get();
            content.metadata(STEPS, steps.written());
            steps.sync();
            makeFolder(folder.resolve(CHECKPOINT_FOLDER));
            files.write(content::writeTo);
            kept = place();
        });
        stepsSince = 0;
        nanosAtLast = System.nanoTime();
    }

    private String place() {
        return stepsInside == 0
                ? "experience " + experiences
                : (stepsInside == 1 ? "the first step" : stepsInside + " steps") + " of experience "
                        + (experiences + 1);
    }

    /**
     * Lets the run end at its next step that it can go on from, once its state is kept, with a
     * {@link CancellationException} whose message is that of {@link #interrupted}.
     */
    public void stop() {
        stopping = true;
    }

    private void endIfStopping() {
        if (stopping) {
            throw new CancellationException(interrupted().orElse(""));
        }
    }

    @Override
    public Optional<Path> saved() {
        return checkpoints.found();
    }

    @Override
    public Optional<Path> savedInside() {
        return positions.found();
    }

    @Override
    public void resumes(int experiences, int before) {
        record.resumes(experiences, before);
        this.experiences = experiences;
        stepsInside = before;
        if (experiences + before > 0) {
            kept = place();
        }
        if (experiences + before > 0 && (checkpoints.foundPrevious() || positions.foundPrevious())) {
            record.remark((checkpoints.foundPrevious() ? CHECKPOINT : INSIDE)
                    + " is damaged; the run goes on from the checkpoint before it.");
        }
        write(() -> steps.keep(experiences, before, written(before > 0 ? positions : checkpoints)));
        writeRun();
    }

    /** What the run that is gone on with had written into steps.csv. */
    private static Optional<String> written(LastTwo files) throws IOException {
        return files.found().isEmpty()
                ? Optional.empty()
                : Optional.ofNullable(
                        Safetensors.read(files.found().get()).metadata().get(STEPS));
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

    private static Optional<String> otherData(Path run, JsonNode recorded, SortedMap<String, String> sha256) {
        List<String> others = Conditions.otherFiles(recorded, sha256);
        return others.isEmpty()
                ? Optional.empty()
                : Optional.of("The data are not those of " + run + ": " + String.join("; ", others));
    }

    /** Whether a run has models, if only those of its first experience. */
    static boolean hasModels(Path run) {
        return Files.exists(run.resolve(CHECKPOINT)) || Files.exists(run.resolve(PREVIOUS));
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
        // Between two checkpoints there may be the previous one alone.
        Path file = Files.exists(run.resolve(CHECKPOINT)) ? run.resolve(CHECKPOINT) : run.resolve(PREVIOUS);
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
        write(steps::write);
        write(CONFUSION, json(new Confusion(classes.subList(0, confusion.length), confusion)));
        write(METRICS, json(Metrics.of(result)));
        record.done(result, steps.made());
        finish(result.stopped().isPresent() ? STOPPED : DONE, result.stopped().orElse(null));
    }

    /**
     * Records in run.json why there is no result. The steps so far are kept, and the last checkpoint.
     *
     * @throws UncheckedIOException with a sentence, if not even that can be written
     */
    public void failed(String reason) {
        end(FAILED, reason);
    }

    /**
     * Records in run.json that the user or the system ended the run, once a file that is being written is whole;
     * whatever the run writes later is dropped.
     *
     * @return what of it is left, as a sentence without its end; empty if the run was over
     * @throws UncheckedIOException with a sentence, if it cannot be written
     */
    public synchronized Optional<String> interrupted() {
        if (over) {
            return Optional.empty();
        }
        end(INTERRUPTED, "Interrupted by the user or the system.");
        return Optional.of(folder + " keeps "
                + (kept.isEmpty() ? "the steps so far, but no state to go on from" : "the state after " + kept));
    }

    private synchronized void end(String status, String reason) {
        lock.freeReserve();
        try {
            write(steps::write);
        } finally {
            finish(status, reason);
        }
    }

    private synchronized void finish(String status, @Nullable String reason) {
        record.ends(status, reason);
        write(() -> record.keeps(checksums()));
        writeRun();
        over = true;
    }

    /** Frees the folder for others. */
    @Override
    public void close() {
        lock.close();
    }

    private SortedMap<String, String> checksums() throws IOException {
        SortedMap<String, String> checksums = new TreeMap<>();
        for (String name : List.of(METRICS, STEPS, CONFUSION)) {
            if (Files.isRegularFile(folder.resolve(name))) {
                checksums.put(name, Checksum.of(folder.resolve(name)));
            }
        }
        return checksums;
    }

    private void writeRun() {
        write(RUN, new String(record.text(), StandardCharsets.UTF_8));
    }

    private void write(String name, String text) {
        write(() -> AtomicFile.write(folder.resolve(name), text));
    }

    private interface Writing {
        void run() throws IOException;
    }

    private synchronized void write(Writing writing) {
        if (over) {
            return;
        }
        try {
            writing.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static String json(Object value) {
        try {
            // Made here, at the end of a run: see JsonText.
            return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
