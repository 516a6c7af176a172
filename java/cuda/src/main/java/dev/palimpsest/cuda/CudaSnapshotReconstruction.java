package dev.palimpsest.cuda;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import dev.palimpsest.kernel.ffi.NativeStruct;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.MemorySegment;

/**
 * {@link dev.palimpsest.kernel.SnapshotReconstruction} on a device, with the same bits. A call queues work on its
 * stream and returns, and allocates nothing; a CUDA graph can capture it. Not thread-safe.
 */
public final class CudaSnapshotReconstruction {
    private static final int MOST_PLANES = 8;

    private final CudaStream stream;
    private final CudaKernel kernel;
    private final LaunchPlan plan = new LaunchPlan("snapshot_reconstruction", 1);
    private final NativeStruct struct = NativeLibrary.struct("palimpsest_snapshot_reconstruction_args");
    private final ArgumentBlock arguments;
    private final MemorySegment args; // the struct, their only one
    private final long[] sizes = new long[1]; // that the plan depends on
    private final Field countField = struct.field("count");
    private final Field weightsField = struct.field("weights");
    private final Field planesField = struct.field("planes");
    private final Field planeCountField = struct.field("plane_count");
    private final Field stepField = struct.field("step");
    private final Field channelScaleField = struct.field("channel_scale");
    private final Field weightsPerChannelField = struct.field("weights_per_channel");
    private final Field outField = struct.field("out");

    /**
     * Prepares the kernel on a device.
     *
     * @param device that computes
     * @param stream that all calls queue their work on
     * @throws CudaException if the kernel is not to be had
     */
    public CudaSnapshotReconstruction(CudaDevice device, CudaStream stream) {
        this.stream = stream;
        kernel = device.kernel("snapshot_reconstruction");
        arguments = new ArgumentBlock(kernel);
        args = arguments.struct(0);
    }

    /**
     * Rebuilds the weights of a step; all memory is the device's.
     *
     * @param count weights, at least 0
     * @param weights address of [count] float32
     * @param planes address of the owners' bit planes, aligned to 8 bytes
     * @param planeCount 1 to 8
     * @param step 0 to 2^planeCount − 1; weights with 0 &lt; code ≤ step are kept
     * @param scale 0, or the address of one float32 for each weightsPerChannel weights
     * @param weightsPerChannel at least 1 with a scale, otherwise ignored
     * @param out address of [count] float32; may be that of the weights
     * @throws IllegalArgumentException if an argument is out of its range
     * @throws CudaException if the launch is refused
     */
    public void apply(
            long count,
            long weights,
            long planes,
            int planeCount,
            int step,
            long scale,
            long weightsPerChannel,
            long out) {
        check(count, planeCount, step, scale, weightsPerChannel);
        if (count == 0) {
            return;
        }
        requireAligned("weights", weights, Float.BYTES);
        requireAligned("planes", planes, Long.BYTES);
        requireAligned("out", out, Float.BYTES);
        sizes[0] = count;
        if (!plan.make(sizes)) {
            throw new CudaException(Kind.LAUNCH, "no launch is possible for " + count + " weights");
        }
        countField.set(args, count);
        weightsField.set(args, weights);
        planesField.set(args, planes);
        planeCountField.set(args, planeCount);
        stepField.set(args, step);
        channelScaleField.set(args, scale);
        weightsPerChannelField.set(args, weightsPerChannel);
        outField.set(args, out);
        kernel.launch(stream, plan, arguments);
    }

    private static void check(long count, int planeCount, int step, long scale, long weightsPerChannel) {
        if (count < 0 || planeCount < 1 || planeCount > MOST_PLANES) {
            throw new IllegalArgumentException(
                    "count " + count + ", planes " + planeCount + ": expected at least 0, and 1 to " + MOST_PLANES);
        }
        if (step < 0 || step >= 1 << planeCount) {
            throw new IllegalArgumentException(
                    "step " + step + ": expected 0 to " + ((1 << planeCount) - 1) + " with " + planeCount + " planes");
        }
        if (scale != 0) {
            requireAligned("channel scale", scale, Float.BYTES);
            if (weightsPerChannel < 1) {
                throw new IllegalArgumentException(
                        "weights per channel " + weightsPerChannel + ": expected at least 1");
            }
        }
    }

    private static void requireAligned(String name, long address, int bytes) {
        if (address == 0 || address % bytes != 0) {
            throw new IllegalArgumentException(
                    name + " at device address " + address + ": expected one aligned to " + bytes + " bytes");
        }
    }
}
