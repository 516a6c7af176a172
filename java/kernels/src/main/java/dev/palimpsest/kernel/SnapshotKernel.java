package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** An implementation of {@link SnapshotReconstruction}. The façade has checked everything. */
interface SnapshotKernel extends AutoCloseable {
    /**
     * What the next words belong to; {@code scale} may be null. The segments stay valid until the façade's call ends.
     */
    void bind(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            @Nullable MemorySegment scale,
            long weightsPerChannel,
            MemorySegment out);

    /** Rebuilds the weights of the words [begin, end), 64 weights a word. */
    void words(long begin, long end);

    /** Whether {@link #bind} takes this segment, or needs a copy of it; to be asked of each before it. */
    boolean takes(MemorySegment segment);

    /** Forgets what {@link #takes} was asked about: the façade's call ends. */
    void release();

    @Override
    void close();
}
