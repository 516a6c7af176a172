package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Values in off-heap memory, of which engines may hold copies: in the order that a primitive wants, or on a device,
 * where they may be newer than the host's. Whoever wants the values says {@link #read} or {@link #update} and need not
 * know of copies; a copy is renewed when its engine next reads it, and nothing moves as long as only one side uses the
 * values. A segment is to be asked for anew after every training step. Not thread-safe.
 */
public final class Mirror {
    private final MemorySegment host;
    private final MemorySegment readOnly;
    /** Grows with every change of the values, wherever it is made. */
    private long version;
    /** What has present values that the host has not; null while the host's are present. */
    private @Nullable DeviceCopy newest;
    /** What was used last, outdated or not; null if there is none. */
    private @Nullable DeviceCopy kept;

    /**
     * Values that the host has so far.
     *
     * @param host off-heap memory of the caller's, who frees it after {@link #forget}
     * @throws IllegalArgumentException if the memory is an array's
     */
    public Mirror(MemorySegment host) {
        if (!host.isNative()) {
            throw new IllegalArgumentException("values that engines share must be off-heap, got an array of "
                    + host.byteSize() + " bytes: allocate them in an Arena");
        }
        this.host = host;
        readOnly = host.asReadOnly();
    }

    /** A copy of the values that an engine reads. */
    public abstract static class Copy {
        private final Mirror mirror;
        private long version = -1;

        /**
         * A copy that has no values yet.
         *
         * @param mirror whose values it copies
         */
        protected Copy(Mirror mirror) {
            this.mirror = mirror;
        }

        /**
         * Copies the values.
         *
         * @param host the present values, read-only
         */
        protected abstract void renew(MemorySegment host);

        /** Renews this copy if it is outdated. To be called before it is read. */
        public void read() {
            if (version != mirror.version) {
                renew(mirror.read());
                version = mirror.version;
            }
        }
    }

    /** A copy that an engine also writes. */
    public abstract static class DeviceCopy extends Copy {
        /**
         * A copy that has no values yet.
         *
         * @param mirror whose values it copies
         */
        protected DeviceCopy(Mirror mirror) {
            super(mirror);
        }

        /**
         * Writes this copy's values into the host's memory; waits for the device.
         *
         * @param host to be written
         */
        protected abstract void download(MemorySegment host);

        /** Makes all values of this copy zero. */
        protected abstract void clear();

        /** Gives this copy's memory back. */
        protected abstract void free();

        @Override
        public final void read() {
            super.read();
            mirror().kept = this;
        }

        /** Renews this copy if it is outdated; then all others are. To be called before it is written. */
        public final void update() {
            read();
            changed();
        }

        private void changed() {
            mirror().version++;
            super.version = mirror().version;
            mirror().newest = this;
        }

        /**
         * To be called before the engine closes: brings home what only this copy has, unless the host's memory is
         * freed.
         */
        @SuppressWarnings("ReferenceEquality") // this very copy is asked for: copies have no value to compare
        public final void detach() {
            if (mirror().newest == this && mirror().host.scope().isAlive()) {
                mirror().read();
            }
            if (mirror().kept == this) {
                mirror().newest = null;
                mirror().kept = null;
            }
        }

        private Mirror mirror() {
            return super.mirror;
        }
    }

    /**
     * The present values; waits for a device that has newer ones.
     *
     * @return the host's memory, read-only
     * @throws IllegalStateException if the host's memory was freed
     */
    public MemorySegment read() {
        requireOpen();
        bringHome();
        return readOnly;
    }

    /**
     * The present values, to be changed before anybody else asks for them: all copies are outdated.
     *
     * @return the host's memory
     * @throws IllegalStateException if the host's memory was freed
     */
    public MemorySegment update() {
        requireOpen();
        bringHome();
        version++;
        return host;
    }

    /** Libraries get addresses, which say nothing of what was freed. */
    private void requireOpen() {
        if (!host.scope().isAlive()) {
            throw new IllegalStateException("the arena of " + host.byteSize()
                    + " bytes that an engine needs was closed: keep it open as long as what uses its memory");
        }
    }

    private void bringHome() {
        if (newest != null) {
            newest.download(host);
            newest = null;
        }
    }

    /**
     * How much they are.
     *
     * @return the values' size in bytes
     */
    public long bytes() {
        return host.byteSize();
    }

    /** Makes all values zero, where they are. */
    public void clear() {
        if (kept != null && ((Copy) kept).version == version) {
            kept.clear();
            kept.changed();
        } else {
            update().fill((byte) 0);
        }
    }

    /**
     * The values are not needed any more: an engine frees its copy on a device. To be called before the host's memory
     * is freed.
     */
    public void forget() {
        if (kept != null) {
            kept.free();
        }
        kept = null;
        newest = null;
    }
}
