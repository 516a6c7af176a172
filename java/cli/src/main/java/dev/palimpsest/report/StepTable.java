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
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Writes steps.csv while steps are made: the first row at once, later ones are kept in memory for a second at most. For
 * programs, experiences, epochs and steps count from 0 there: row 0 of metrics.json's accuracy belongs to experience 0
 * of steps.csv. A term that an experience lacks is left blank; columns are in the order in which terms first appeared.
 * Not thread-safe.
 */
final class StepTable {
    private static final String BEFORE_TERMS = "experience,phase,epoch,step,loss,";
    private static final String AFTER_TERMS = "learning_rate,images_per_second";
    private static final int FIRST_COLUMNS = BEFORE_TERMS.split(",").length;
    /** Columns after the terms. */
    private static final int LAST_COLUMNS = 2;

    private static final long NANOS_BETWEEN = TimeUnit.SECONDS.toNanos(1);

    private final Path file;
    private final List<String> terms = new ArrayList<>();
    private final StringBuilder pending = new StringBuilder();
    /** Whether the header is written. */
    private boolean begun;

    private long made;
    private long rows;
    /** Terms that a row has. */
    private int used;

    private final CRC32C sum = new CRC32C();
    private long written = System.nanoTime();

    /** @param file which is not there yet */
    StepTable(Path file) {
        this.file = file;
    }

    /**
     * Takes over the rows of so many experiences of a run that was cut short, and of so many steps of the next one, and
     * drops those after them.
     *
     * @param written what {@link #written()} was when the run kept its state there; empty if it is not known
     * @throws IOException with a sentence, if the file cannot be read or written, or the rows are not those of then
     */
    void keep(int experiences, int steps, Optional<String> written) throws IOException {
        if (experiences + steps == 0) {
            Files.deleteIfExists(file);
            return;
        }
        if (!Files.exists(file)) {
            if (written.isPresent()) {
                throw damaged("missing", null);
            }
            return;
        }
        check(experiences, steps, written);
        // Columns of terms that only dropped rows have; they are the last, and come again with those rows.
        int dropped = terms.size() - used;
        terms.subList(used, terms.size()).clear();
        try (BufferedReader before = Files.newBufferedReader(file)) {
            before.readLine();
            AtomicFile.write(file, channel -> {
                Writer after = new BufferedWriter(Channels.newWriter(channel, UTF_8));
                after.write(header() + "\n");
                long copied = 0;
                for (String row = before.readLine(); row != null && copied < rows; row = before.readLine()) {
                    int end = endOfTerms(row);
                    after.write(row.substring(0, end - dropped) + row.substring(end) + "\n");
                    copied++;
                }
                after.flush();
            });
            begun = true;
        }
    }

    /** Counts the rows that are to be kept. */
    private void check(int experiences, int steps, Optional<String> written) throws IOException {
        if (!Files.isRegularFile(file)) { // reading a pipe or a device may never end
            throw damaged("no file with the steps so far", null);
        }
        try (BufferedReader before = Files.newBufferedReader(file)) {
            String header = before.readLine();
            if (header == null || !header.startsWith(BEFORE_TERMS) || !header.endsWith(AFTER_TERMS)) {
                throw damaged("damaged: its first line names other columns", null);
            }
            String[] columns = header.split(",", -1);
            terms.addAll(Arrays.asList(columns).subList(FIRST_COLUMNS, columns.length - LAST_COLUMNS));
            int further = 0;
            for (String row = before.readLine(); row != null; row = before.readLine()) {
                int comma = row.indexOf(','); // none in a last row of which a kill left a part
                if (comma < 0 || (Integer.parseInt(row.substring(0, comma)) >= experiences && ++further > steps)) {
                    break;
                }
                count(row);
            }
        } catch (CharacterCodingException | NumberFormatException e) {
            throw damaged("damaged: it holds what no step wrote", e);
        }
        if (written.isPresent() && !written.get().equals(written())) {
            throw damaged("damaged: its rows are not those that were there at the last checkpoint", null);
        }
    }

    private IOException damaged(String how, @Nullable Exception cause) {
        return new IOException(
                file + " is " + how + "; restore it from a copy, or remove " + file.getParent()
                        + " to have the run made anew.",
                cause);
    }

    /** Cells with the names of their columns, as columns that come later leave blanks in the rows before them. */
    private void count(String row) {
        String[] cells = row.split(",", -1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < cells.length; i++) {
            int term = i - FIRST_COLUMNS;
            boolean named = term >= 0 && term < terms.size();
            if (!named || !cells[i].isEmpty()) {
                used = named ? Math.max(used, term + 1) : used;
                text.append(named ? terms.get(term) : "")
                        .append('=')
                        .append(cells[i])
                        .append(',');
            }
        }
        sum.update(text.append('\n').toString().getBytes(UTF_8));
        rows++;
    }

    /** How many rows there are and their checksum, whatever columns come later. */
    String written() {
        return rows + " " + HexFormat.of().toHexDigits((int) sum.getValue());
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
        String text = row.add(Double.toString(step.learningRate()))
                .add(Double.toString(step.imagesPerSecond()))
                .toString();
        count(text.stripTrailing());
        pending.append(text);
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
                    int end = endOfTerms(row);
                    after.write(row.substring(0, end) + blanks + row.substring(end) + "\n");
                }
                after.flush();
            });
        }
    }

    private static int endOfTerms(String row) {
        int end = row.length();
        for (int column = 0; column < LAST_COLUMNS; column++) {
            end = row.lastIndexOf(',', end - 1);
        }
        return end;
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
