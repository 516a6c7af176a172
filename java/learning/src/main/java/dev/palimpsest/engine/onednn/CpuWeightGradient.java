package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.onednn.OneDnnContext.Chunks;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The gradient of a convolution's weight over one batch: a part for each chunk, added in the order of chunks. */
final class CpuWeightGradient {
    /** Parts: what as many threads can share, and more as long as they are small together. */
    private static final int FEWEST_PARTS = 4;

    private static final long MOST_PART_VALUES = 1L << 22;

    private final OneDnnContext engine;
    private final Tensor images;
    private final Chunks chunks;
    private final CpuConvolution full;
    private final CpuConvolution last;
    private final long bytes;
    private final MemorySegment packed;

    /** How a batch is dealt out. */
    static Chunks chunks(CpuConvolution.Key batch) {
        int parts = (int) Math.max(
                FEWEST_PARTS, MOST_PART_VALUES / Math.max(1, batch.weight().size()));
        return CpuConvolution.chunks(batch.geometry(), batch.images()).atMost(parts);
    }

    /** @param batch with the shape of the images */
    CpuWeightGradient(OneDnnContext engine, CpuConvolutions convolutions, CpuConvolution.Key batch, Tensor images) {
        this.engine = engine;
        this.images = images;
        chunks = chunks(batch);
        full = convolutions.of(batch, chunks.each()).readyWeightGradient();
        last = convolutions.of(batch, chunks.rest()).readyWeightGradient();
        bytes = full.packedBytes();
        if (last.packedBytes() != bytes) {
            throw new IllegalStateException("oneDNN chose orders of " + bytes + " and " + last.packedBytes()
                    + " bytes for one weight's gradient");
        }
        packed = engine.take(bytes * chunks.count());
    }

    Chunks chunks() {
        return chunks;
    }

    /** Computes the part of a chunk, of whose outputs the gradient lies at an address. */
    void part(int chunk, int thread, long gradient) {
        (chunks.size(chunk) == chunks.each() ? full : last)
                .weightGradient(
                        thread,
                        OneDnnContext.address(images, chunks.begin(chunk)),
                        gradient,
                        packed.address() + chunk * bytes);
    }

    /** Adds the parts, and their sum to the parameter's gradient. */
    void finish() {
        engine.sumInto(packed, bytes / Float.BYTES, chunks.count());
        full.unpack(packed);
        engine.workspace().give(packed);
    }
}
