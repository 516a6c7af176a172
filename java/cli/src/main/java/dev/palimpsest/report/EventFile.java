package dev.palimpsest.report;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes a run's losses and accuracies as a TensorBoard event file into its folder, a second late at most. The axis is
 * the number of steps made since the run began. A run that goes on writes a further file, which takes back what the
 * steps after the checkpoint had left in those before. A kill leaves at most a part of a last record, which TensorBoard
 * ignores. For the thread that trains, after the {@link RunFolder}.
 *
 * @see <a href="https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto">Event</a>
 */
public final class EventFile implements Progress, AutoCloseable {
    private static final String PREFIX = "events.out.tfevents.";
    private static final Duration BETWEEN = Duration.ofSeconds(1);

    private final Path folder;
    private final InstantSource clock;
    private final EventRecords records = new EventRecords();
    private @Nullable FileChannel file;
    private Path name;
    private long written;
    private long steps;

    /**
     * A file is made when the run begins.
     *
     * @param folder of the run
     * @param clock of the events' times
     */
    public EventFile(Path folder, InstantSource clock) {
        this.folder = folder;
        this.clock = clock;
        name = folder;
    }

    /** Whether a file of a run's folder is one of these. */
    static boolean isOne(Path file) {
        return file.getFileName().toString().startsWith(PREFIX);
    }

    @Override
    public void resumes(int experiences, int inside) {
        Path table = folder.resolve(RunFiles.STEPS);
        try {
            if (experiences + inside > 0 && Files.isRegularFile(table)) {
                try (Stream<String> rows = Files.lines(table)) {
                    steps = rows.count() - 1;
                }
            }
            create();
        } catch (IOException e) {
            throw failure(e);
        }
        records.version(seconds());
        records.start(seconds(), steps);
        write();
    }

    /** Named by the second, as TensorBoard reads files in the order of their names. */
    private void create() throws IOException {
        for (long second = clock.instant().getEpochSecond(); ; second++) {
            name = folder.resolve(PREFIX + second + ".palimpsest");
            if (!Files.exists(name)) {
                file = FileChannel.open(name, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                return;
            }
        }
    }

    @Override
    public void step(Step step) {
        SequencedMap<String, Double> values = new LinkedHashMap<>();
        values.put("loss/all", step.loss());
        step.terms().forEach((term, value) -> values.put("loss/" + term, value));
        values.put("training/learning rate", step.learningRate());
        values.put("training/images per second", step.imagesPerSecond());
        add(values);
        steps++;
        if (System.nanoTime() - written > BETWEEN.toNanos()) {
            write();
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        SequencedMap<String, Double> values = new LinkedHashMap<>();
        values.put("accuracy/all classes seen", evaluation.allSeen());
        values.put("accuracy/within the experience", evaluation.withinExperience());
        for (int i = 0; i < evaluation.accuracy().size(); i++) {
            values.put(
                    "accuracy of experience/" + (i + 1), evaluation.accuracy().get(i));
        }
        add(values);
        write();
    }

    @Override
    public void done(Result result) {
        write();
    }

    private UncheckedIOException failure(IOException e) {
        IOException explained = AtomicFile.explained(name, e);
        return new UncheckedIOException(explained.getMessage(), explained);
    }

    private void add(Map<String, Double> values) {
        records.values(seconds(), steps, values);
    }

    private double seconds() {
        return clock.millis() / 1000.0;
    }

    /** Where the disk is full, what was written before stays whole. */
    private void write() {
        written = System.nanoTime();
        if (file == null) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(records.take());
        try {
            long end = file.size();
            try {
                while (bytes.hasRemaining()) {
                    file.write(bytes);
                }
            } catch (IOException e) {
                file.truncate(end);
                throw e;
            }
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Writes what is left of a run that failed, too. */
    @Override
    public void close() throws IOException {
        if (file != null) {
            try {
                write();
            } finally {
                file.close();
            }
        }
    }
}
