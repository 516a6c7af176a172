package dev.palimpsest.data;

import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A data set that is missing or damaged. The message is one sentence for the user: what was expected, what was found,
 * what to do.
 */
public final class DataException extends UncheckedIOException {
    private static final long serialVersionUID = 1;

    /**
     * With a sentence alone.
     *
     * @param message what is wrong, and what to do about it
     */
    public DataException(String message) {
        super(message, new IOException(message));
    }

    /**
     * With a sentence and its cause.
     *
     * @param message what is wrong, and what to do about it
     * @param cause of it
     */
    public DataException(String message, IOException cause) {
        super(message, cause);
    }
}
