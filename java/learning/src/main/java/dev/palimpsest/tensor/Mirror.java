package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Values in off-heap memory, of which an engine may hold a newer copy on its device. Whoever asks for the host's
 * memory gets the present values and may write them; the engine then renews its copy before it uses it again. So code
 * that runs on the host need not know about devices, and nothing moves as long as only one side uses the values. A
 * segment is to be asked for anew after every training step. Not thread-safe.
 */
public final class Mirror {
    /** An engine's copy on its device. */
    public interface Copy {
        /** Writes the values into the host's memory; waits for the device. */
        void download(MemorySegment host);

        /** Makes all values zero. */
        void clear();

        /** Gives its memory back. */
        void free();
    }

    private final MemorySegment host;
    /** Null while only the host has present values. */
    private Copy copy;
    /** What the engine that used the values last still keeps, outdated or not. */
    private Copy kept;

    private boolean newer;

    /** @param host of the caller's, who frees it after {@link #forget} */
    public Mirror(MemorySegment host) {
        this.host = host;
    }

    /** The host's memory with the present values, to be read and written. */
    public MemorySegment host() {
        if (newer) {
            copy.download(host);
            newer = false;
        }
        copy = null;
        return host;
    }

    public long bytes() {
        return host.byteSize();
    }

    /** Makes all values zero, where they are. */
    public void clear() {
        if (copy == null) {
            host.fill((byte) 0);
        } else {
            copy.clear();
            newer = true;
        }
    }

    /** Whether this copy has the present values. To be asked by an engine before it reads its copy. */
    public boolean isAt(Copy engines) {
        return copy == engines;
    }

    /** To be called by an engine whose copy has the values that {@link #host} gave. */
    public void copiedTo(Copy engines) {
        copy = engines;
        kept = engines;
    }

    /**
     * To be called by an engine that wrote into its copy, which {@link #isAt} the present values: the host's are
     * outdated.
     */
    public void written() {
        newer = true;
    }

    /**
     * The values are not needed any more: the engine frees its copy. To be called before the host's memory is freed.
     */
    public void forget() {
        if (kept != null) {
            kept.free();
        }
        kept = null;
        copy = null;
        newer = false;
    }

    /** Whether the host's memory has not been freed. */
    public boolean isAlive() {
        return host.scope().isAlive();
    }

    /** Whether the host's memory is outdated. */
    public boolean isNewer() {
        return newer;
    }
}
