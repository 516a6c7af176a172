package dev.palimpsest.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.internal.Reason;
import java.io.CharConversionException;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A run folder whose record cannot be read: no reason to refuse others. */
public final class DamagedRunException extends IOException {
    private static final long serialVersionUID = 1;

    DamagedRunException(String sentence) {
        super(sentence);
    }

    private DamagedRunException(String sentence, @Nullable Throwable cause) {
        super(sentence, cause);
    }

    /** A file of a run that is not as it was written; {@code what} goes on after "is damaged: ". */
    static DamagedRunException of(Path file, String what, @Nullable Throwable cause) {
        return new DamagedRunException(
                file + " is damaged: " + what + "; restore it from a copy, or repeat the run.", cause);
    }

    /** What reading a file of JSON met; zeros at its start look like UTF-32. */
    static DamagedRunException of(Path file, IOException met) {
        return met instanceof JsonProcessingException || met instanceof CharConversionException
                ? of(file, Reason.of(met), met)
                : new DamagedRunException(
                        file + " cannot be read: " + Reason.of(met) + "; " + Reason.remedy(met) + ".", met);
    }
}
