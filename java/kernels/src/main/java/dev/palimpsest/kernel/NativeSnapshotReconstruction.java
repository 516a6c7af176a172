package dev.palimpsest.kernel;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.ffi.Held;
import dev.palimpsest.kernel.ffi.NativeKernel;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** {@link SnapshotReconstruction} in C++: fills a {@code palimpsest_snapshot_reconstruction_args}. */
final class NativeSnapshotReconstruction implements SnapshotKernel {
    private final NativeKernel kernel;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment args;
    private final Held held = new Held();
    private final Field count;
    private final Field weights;
    private final Field planes;
    private final Field planeCount;
    private final Field step;
    private final Field channelScale;
    private final Field weightsPerChannel;
    private final Field out;

    NativeSnapshotReconstruction(Implementation implementation) {
        kernel = NativeKernel.overRange("snapshot_reconstruction", implementation.isa());
        args = kernel.arguments().allocate(arena);
        count = kernel.arguments().field("count");
        weights = kernel.arguments().field("weights");
        planes = kernel.arguments().field("planes");
        planeCount = kernel.arguments().field("plane_count");
        step = kernel.arguments().field("step");
        channelScale = kernel.arguments().field("channel_scale");
        weightsPerChannel = kernel.arguments().field("weights_per_channel");
        out = kernel.arguments().field("out");
    }

    /** C reads whole 64-bit words, so everything must be aligned to them; float32 memory practically always is. */
    @Override
    public boolean takes(MemorySegment segment) {
        return segment.isNative() && segment.address() % Long.BYTES == 0 && held.add(segment);
    }

    @Override
    public void release() {
        held.clear();
    }

    @Override
    public void bind(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            @Nullable MemorySegment scale,
            long weightsPerChannel,
            MemorySegment out) {
        this.count.set(args, count);
        this.weights.set(args, weights.address());
        this.planes.set(args, planes.address());
        this.planeCount.set(args, planeCount);
        this.step.set(args, step);
        this.channelScale.set(args, scale == null ? 0 : scale.address());
        this.weightsPerChannel.set(args, weightsPerChannel);
        this.out.set(args, out.address());
    }

    @Override
    public void words(long begin, long end) {
        kernel.range(args, begin, end, held);
    }

    @Override
    public void close() {
        arena.close();
    }
}
