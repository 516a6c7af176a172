package dev.palimpsest.engine;

/** The library under an engine is missing or refused a call; the message says which and what to do. */
public final class EngineException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EngineException(String message) {
        super(message);
    }

    EngineException(String message, Throwable cause) {
        super(message, cause);
    }
}
