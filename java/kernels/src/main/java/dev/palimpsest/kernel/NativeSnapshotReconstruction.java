package dev.palimpsest.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@link SnapshotReconstruction} in C++: fills a {@code palimpsest_snapshot_reconstruction_args}, fields of 8 bytes
 * each.
 */
final class NativeSnapshotReconstruction implements SnapshotKernel {
    private final int isa;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment args = arena.allocate(8 * 8L, 8);

    NativeSnapshotReconstruction(Implementation implementation) {
        isa = implementation.isa();
    }

    /** C reads whole 64-bit words, so everything must be aligned to them; float32 memory practically always is. */
    @Override
    public boolean takes(MemorySegment segment) {
        return segment.isNative() && segment.address() % Long.BYTES == 0;
    }

    @Override
    public void bind(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            MemorySegment scale,
            long weightsPerChannel,
            MemorySegment out) {
        field(0, count);
        field(1, weights.address());
        field(2, planes.address());
        field(3, planeCount);
        field(4, step);
        field(5, scale == null ? 0 : scale.address());
        field(6, weightsPerChannel);
        field(7, out.address());
    }

    private void field(int index, long value) {
        args.setAtIndex(JAVA_LONG, index, value);
    }

    @Override
    public void words(long begin, long end) {
        NativeLibrary.snapshotReconstruction(isa, args, begin, end);
    }

    @Override
    public void close() {
        arena.close();
    }
}
