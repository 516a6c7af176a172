package dev.palimpsest.data;

import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A data set that is missing or damaged. The message is one sentence for the user: what was expected, what was found,
 * what to do.
 */
public final class DataException extends UncheckedIOException {
    private static final long serialVersionUID = 1;

    DataException(String message) {
        super(message, new IOException(message));
    }

    DataException(String message, IOException cause) {
        super(message, cause);
    }
}
