package dev.palimpsest.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The process's standard output, which remembers why something could not be written: printing is silent about it, and
 * answers that went into a file on a full disk would be taken for whole. Any thread may print.
 */
final class StandardOutput extends FileOutputStream {
    /** What a reader such as head leaves, which has all that it wants. */
    private static final String NOBODY_READS = "Broken pipe";

    private volatile @Nullable String failure;

    StandardOutput() {
        super(FileDescriptor.out);
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
        try {
            super.write(bytes, from, length);
        } catch (IOException e) {
            if (failure == null) {
                failure = String.valueOf(e.getMessage());
            }
            throw e;
        }
    }

    /** A sentence, if something is missing in what was written and somebody may read it. */
    Optional<String> missing() {
        String why = failure;
        return why == null || why.equals(NOBODY_READS)
                ? Optional.empty()
                : Optional.of("What was printed is incomplete (" + why
                        + "): make room where it goes, and give the command again.");
    }
}
