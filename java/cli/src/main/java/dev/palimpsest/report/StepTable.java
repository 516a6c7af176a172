package dev.palimpsest.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.train.Progress;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;

/**
 * Writes steps.csv while steps are made: the first row at once, later ones are kept in memory for a second at most. For
 * programs, experiences, epochs and steps count from 0 there: row 0 of metrics.json's accuracy belongs to experience 0
 * of steps.csv. A term that an experience lacks is left blank; columns are in the order in which terms first appeared.
 * Not thread-safe.
 */
final class StepTable {
    private static final String BEFORE_TERMS = "experience,phase,epoch,step,loss,";
    private static final String AFTER_TERMS = "learning_rate,images_per_second";
    /** Columns after the terms. */
    private static final int LAST_COLUMNS = 2;

    private static final long NANOS_BETWEEN = TimeUnit.SECONDS.toNanos(1);

    private final Path file;
    private final List<String> terms = new ArrayList<>();
    private final StringBuilder pending = new StringBuilder();
    /** Whether the header is written. */
    private boolean begun;

    private long made;
    private long written = System.nanoTime();

    /** @param file which is not there yet */
    StepTable(Path file) {
        this.file = file;
    }

    /**
     * Takes over the rows of so many experiences of a run that was cut short, and of so many steps of the next one, and
     * drops those after them.
     *
     * @throws IOException with a sentence, if the file cannot be read or written
     */
    void keep(int experiences, int steps) throws IOException {
        if (experiences + steps == 0 || !Files.exists(file)) {
            Files.deleteIfExists(file);
            return;
        }
        try (BufferedReader before = Files.newBufferedReader(file)) {
            String header = before.readLine();
            String[] columns = header == null ? new String[0] : header.split(",");
            int fixed = BEFORE_TERMS.split(",").length;
            for (int column = fixed; column < columns.length - LAST_COLUMNS; column++) {
                terms.add(columns[column]);
            }
            AtomicFile.write(file, channel -> {
                Writer after = new BufferedWriter(Channels.newWriter(channel, UTF_8));
                after.write(header() + "\n");
                int further = 0;
                for (String row = before.readLine(); row != null; row = before.readLine()) {
                    int comma = row.indexOf(','); // none in a last row of which a kill left a part
                    if (comma < 0 || (Integer.parseInt(row.substring(0, comma)) >= experiences && ++further > steps)) {
                        break;
                    }
                    after.write(row + "\n");
                }
                after.flush();
            });
            begun = true;
        }
    }

    /** Rows that were added here, without those that were kept. */
    long made() {
        return made;
    }

    void add(Progress.Step step) throws IOException {
        List<String> more = step.terms().keySet().stream()
                .filter(term -> !terms.contains(term))
                .toList();
        if (!begun) {
            begun = true;
            terms.addAll(more);
            pending.append(header()).append('\n');
        } else if (!more.isEmpty()) {
            widen(more);
        }
        StringJoiner row = new StringJoiner(",", "", "\n")
                .add(Integer.toString(step.experience()))
                .add(step.phase())
                .add(Integer.toString(step.epoch()))
                .add(Integer.toString(step.step()))
                .add(Double.toString(step.loss()));
        for (String term : terms) {
            Double value = step.terms().get(term);
            row.add(value == null ? "" : value.toString());
        }
        pending.append(row.add(Double.toString(step.learningRate())).add(Double.toString(step.imagesPerSecond())));
        made++;
        if (made == 1 || System.nanoTime() - written > NANOS_BETWEEN) {
            write();
        }
    }

    private String header() {
        return BEFORE_TERMS
                + String.join("", terms.stream().map(term -> term + ",").toList())
                + AFTER_TERMS;
    }

    /** Writes the file anew with further columns, which happens as often as a method has terms. */
    private void widen(List<String> more) throws IOException {
        write();
        terms.addAll(more);
        String blanks = ",".repeat(more.size());
        try (BufferedReader before = Files.newBufferedReader(file)) {
            before.readLine();
            AtomicFile.write(file, channel -> {
                Writer after = new BufferedWriter(Channels.newWriter(channel, UTF_8));
                after.write(header() + "\n");
                for (String row = before.readLine(); row != null; row = before.readLine()) {
                    int end = row.length();
                    for (int column = 0; column < LAST_COLUMNS; column++) {
                        end = row.lastIndexOf(',', end - 1);
                    }
                    after.write(row.substring(0, end) + blanks + row.substring(end) + "\n");
                }
                after.flush();
            });
        }
    }

    /**
     * Writes what is kept, and has the disk keep it: a checkpoint is worth nothing without the rows before it.
     *
     * @throws IOException with a sentence, if the file cannot be written
     */
    void sync() throws IOException {
        write();
        if (Files.exists(file)) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
                channel.force(true);
            } catch (IOException e) {
                throw AtomicFile.explained(file, e);
            }
        }
    }

    /**
     * Writes what is kept. Where the disk is full, the rows before stay whole.
     *
     * @throws IOException with a sentence, if the file cannot be written
     */
    void write() throws IOException {
        written = System.nanoTime();
        if (pending.isEmpty()) {
            return;
        }
        ByteBuffer rows = UTF_8.encode(pending.toString());
        pending.setLength(0);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            long end = channel.size();
            try {
                while (rows.hasRemaining()) {
                    channel.write(rows, channel.size());
                }
            } catch (IOException e) {
                channel.truncate(end);
                throw e;
            }
        } catch (IOException e) {
            throw AtomicFile.explained(file, e);
        }
    }
}
