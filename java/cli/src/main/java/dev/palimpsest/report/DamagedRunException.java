package dev.palimpsest.report;

import java.io.IOException;

/** A run folder whose record cannot be read: no reason to refuse others. */
public final class DamagedRunException extends IOException {
    private static final long serialVersionUID = 1;

    DamagedRunException(String sentence) {
        super(sentence);
    }

    DamagedRunException(String sentence, Throwable cause) {
        super(sentence, cause);
    }
}
