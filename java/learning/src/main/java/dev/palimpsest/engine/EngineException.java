package dev.palimpsest.engine;

/** What computes is missing, does not start or refused a call; the message says which part and what to do. */
public class EngineException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * An exception with its sentence.
     *
     * @param message what is wrong and what to do
     */
    public EngineException(String message) {
        super(message);
    }

    /**
     * An exception with its sentence and what led to it.
     *
     * @param message what is wrong and what to do
     * @param cause what led to it
     */
    public EngineException(String message, Throwable cause) {
        super(message, cause);
    }
}
