package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;

/** An implementation of a kernel whose rows are independent of each other. The façade has checked everything. */
interface RowKernel extends AutoCloseable {
    /** What the rows of the next calls are. The segments stay valid until the façade's call ends. */
    void bind(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient);

    /**
     * Writes the gradient of the rows [begin, end) and keeps their losses. Threads have distinct numbers and disjoint
     * ranges.
     */
    void rows(int begin, int end, int thread);

    /** Σ_k of the row's weighted terms, not yet divided by the number of rows. */
    double rowLoss(int row);

    /** Whether {@link #bind} takes this segment, or needs a copy of it; to be asked of each before it. */
    boolean takes(MemorySegment segment);

    /** Forgets what {@link #takes} was asked about: the façade's call ends. */
    void release();

    @Override
    void close();
}
