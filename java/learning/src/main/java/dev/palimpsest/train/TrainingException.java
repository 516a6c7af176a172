package dev.palimpsest.train;

/** Training cannot go on; the message names where, with which loss, and what to try. */
public final class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TrainingException(String message) {
        super(message);
    }
}
