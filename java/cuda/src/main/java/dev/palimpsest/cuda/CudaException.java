package dev.palimpsest.cuda;

import dev.palimpsest.engine.EngineException;
import java.util.Objects;

/** CUDA is missing or refused something; the message says what, why, and what to do. */
public final class CudaException extends EngineException {
    private static final long serialVersionUID = 1L;

    /** What kind of trouble, for those who can do something about it. */
    public enum Kind {
        /** A library, a driver or a device is not there, or too old. */
        UNAVAILABLE,
        /** The device or the limit has no room. The device stays usable. */
        OUT_OF_MEMORY,
        /** A kernel could not be launched. The device stays usable. */
        LAUNCH,
        /** No kernel image runs on this device with this driver. */
        IMAGE,
        /** A kernel or the device failed while running: close the {@link CudaDevice}; everything on it is lost. */
        LOST,
        /** Any other refusal. */
        REFUSED
    }

    private final Kind kind;

    /**
     * With a message alone.
     *
     * @param kind of what happened
     * @param message one sentence: what happened, why, what to do
     */
    public CudaException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /**
     * With a cause.
     *
     * @param kind of what happened
     * @param message one sentence: what happened, why, what to do
     * @param cause what was caught
     */
    public CudaException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /**
     * What kind of failure it is.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }
}
