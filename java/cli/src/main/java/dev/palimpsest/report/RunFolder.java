package dev.palimpsest.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.data.DataException;
import dev.palimpsest.internal.Checksum;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    /** Room for run.json and the last rows of steps.csv on a disk that is full. */
    private static final int RESERVE = 1 << 16;

    private final Path folder;
    private final FolderLock lock;
    private final RunRecord record;
    private final StepTable steps;
    private List<String> classes = List.of();
    private int[][] confusion = {};
    private final RunCheckpoints checkpoints;
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
        checkpoints = new RunCheckpoints(folder, every);
        steps = new StepTable(folder.resolve(RunFiles.STEPS));
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
            if (EarlierRun.isComplete(folder, options)) {
                throw new IOException(folder + " holds a run already; choose another folder with --out.");
            }
            RunFolder created = new RunFolder(folder, lock, new RunRecord(options, origin, every), every);
            if (!EarlierRun.isUnfinished(folder, options) || !created.checkpoints.find()) {
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

    private static FolderLock lock(Path folder) throws IOException {
        RunFiles.makeFolder(folder);
        return FolderLock.take(folder.resolve(RunFiles.LOCK))
                .orElseThrow(() -> new IOException("Another run is writing into " + folder
                        + ": wait for its end, or choose another folder with --out."));
    }

    /** What another run left, its unfinished files too. */
    private void discard() throws IOException {
        for (String left : List.of(RunFiles.RUN, RunFiles.METRICS, RunFiles.STEPS, RunFiles.CONFUSION)) {
            Files.deleteIfExists(folder.resolve(left));
        }
        checkpoints.delete();
        for (Path place : List.of(folder, folder.resolve(RunFiles.CHECKPOINT_FOLDER))) {
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
            EarlierRun.otherData(folder, recordedData, setup.dataSha256()).ifPresent(what -> {
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
        write(() -> {
            checkpoints.keepAfter(state, steps);
            kept = place();
        });
    }

    @Override
    public void inside(Supplier<SafetensorsWriter> state) {
        offersStates = true;
        if (checkpoints.due() || stopping) {
            write(() -> {
                checkpoints.keepInside(state, steps);
                kept = place();
            });
        }
        endIfStopping();
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
        return checkpoints.after();
    }

    @Override
    public Optional<Path> savedInside() {
        return checkpoints.inside();
    }

    @Override
    public void resumes(int experiences, int before) {
        record.resumes(experiences, before);
        this.experiences = experiences;
        stepsInside = before;
        if (experiences + before > 0) {
            kept = place();
            checkpoints.remark().ifPresent(record::remark);
        }
        write(() -> steps.keep(experiences, before, checkpoints.rows(before > 0)));
        writeRun();
    }

    @Override
    public void done(Result result) {
        write(steps::write);
        write(RunFiles.CONFUSION, json(new Confusion(classes.subList(0, confusion.length), confusion)));
        write(RunFiles.METRICS, json(Metrics.of(result)));
        record.done(result, steps.made());
        finish(
                result.stopped().isPresent() ? RunRecord.STOPPED : RunRecord.DONE,
                result.stopped().orElse(null));
    }

    /**
     * Records in run.json why there is no result. The steps so far are kept, and the last checkpoint.
     *
     * @throws UncheckedIOException with a sentence, if not even that can be written
     */
    public void failed(String reason) {
        end(RunRecord.FAILED, reason);
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
        end(RunRecord.INTERRUPTED, "Interrupted by the user or the system.");
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
        for (String name : List.of(RunFiles.METRICS, RunFiles.STEPS, RunFiles.CONFUSION)) {
            if (Files.isRegularFile(folder.resolve(name))) {
                checksums.put(name, Checksum.of(folder.resolve(name)));
            }
        }
        return checksums;
    }

    private void writeRun() {
        write(RunFiles.RUN, new String(record.text(), StandardCharsets.UTF_8));
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
