package dev.palimpsest.kernel;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Rebuilds an earlier model's weights from the current ones: a weight stays where 0 &lt; code ≤ step, bit for bit (-0
 * and NaN too), and becomes +0 elsewhere. Codes are bit planes, ⌈log2(N+1)⌉ bits per weight for N steps; a factor per
 * output channel can be multiplied in the same pass, which folds batch norm into the weights.
 *
 * <p>Planes: for each group of 64 weights, {@code planeCount} little-endian 64-bit words; bit j of the group's word p
 * is bit p of the code of the group's weight j. The bits of unused weights in the last group are ignored.
 * {@link #pack} makes them.
 *
 * <p>Calls allocate nothing unless the implementation cannot use the memory as it is (arrays, with a native one) and
 * must copy it. Thread-safe, but calls take turns. Layout and bytes moved:
 * native/kernels/snapshot_reconstruction/snapshot_reconstruction.md.
 */
public final class SnapshotReconstruction implements AutoCloseable {
    /** The most bit planes there can be: codes are bytes. */
    public static final int MOST_PLANES = 8;

    /** Beyond this a size in bytes may not be an int64. */
    private static final long MOST_WEIGHTS = Long.MAX_VALUE / 8;

    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int WEIGHTS_PER_WORD = 64;
    /** What a thread takes at a time: 256 KiB of weights. */
    private static final int WORDS_PER_BLOCK = 1024;

    private final SnapshotKernel kernel;
    private final Team team;
    private final Team.Task task = this::rebuild;
    private long words;
    private boolean closed;

    /**
     * With the implementation that {@link Kernels#chosen()} names.
     *
     * @param threads threads that share a call's weights, the caller among them
     */
    public SnapshotReconstruction(int threads) {
        this(threads, Kernels.chosen());
    }

    /**
     * With a given implementation; all of them give the same bits.
     *
     * @param threads threads that share a call's weights, the caller among them
     * @param implementation what computes
     * @throws UnsupportedOperationException if the implementation cannot run here
     */
    public SnapshotReconstruction(int threads, Implementation implementation) {
        team = Team.of(threads);
        kernel = Kernels.require(implementation) == Implementation.JAVA
                ? new JavaSnapshotReconstruction(team)
                : new NativeSnapshotReconstruction(implementation);
    }

    /**
     * Bit planes that hold the codes 0 to steps.
     *
     * @param steps 0 to 255
     * @return ⌈log2(steps + 1)⌉, at least 1
     * @throws IllegalArgumentException if there are more steps than codes
     */
    public static int planesFor(int steps) {
        if (steps < 0 || steps >= 1 << MOST_PLANES) {
            throw new IllegalArgumentException("steps " + steps + ": expected 0 to " + ((1 << MOST_PLANES) - 1));
        }
        return Math.max(1, Integer.SIZE - Integer.numberOfLeadingZeros(steps));
    }

    /**
     * Bytes of the planes of that many weights.
     *
     * @param count weights, at least 0
     * @param planeCount 1 to 8
     * @return a multiple of 8
     * @throws IllegalArgumentException if either is out of range, or there are more weights than memory has addresses
     */
    public static long planeBytes(long count, int planeCount) {
        checkPlanes(count, planeCount);
        return words(count) * planeCount * Long.BYTES;
    }

    /**
     * Packs one code a byte into planes.
     *
     * @param codes unsigned, each below 2^planeCount
     * @param planeCount 1 to 8
     * @param planes at least {@link #planeBytes} bytes; overwritten
     * @throws IllegalArgumentException if a code needs more planes, or the segment is too small or read-only
     */
    public static void pack(byte[] codes, int planeCount, MemorySegment planes) {
        checkPlaneSize(planes, codes.length, planeCount);
        Memory.checkWritable("planes", planes);
        for (int i = 0; i < codes.length; i++) {
            if ((codes[i] & 0xff) >> planeCount != 0) {
                throw new IllegalArgumentException("code " + (codes[i] & 0xff) + " of weight " + i
                        + " does not fit into " + planeCount + " planes");
            }
        }
        for (int first = 0; first < codes.length; first += WEIGHTS_PER_WORD) {
            int n = Math.min(WEIGHTS_PER_WORD, codes.length - first);
            for (int p = 0; p < planeCount; p++) {
                long word = 0;
                for (int j = 0; j < n; j++) {
                    word |= (long) (codes[first + j] >> p & 1) << j;
                }
                planes.set(WORD, ((long) first / WEIGHTS_PER_WORD * planeCount + p) * Long.BYTES, word);
            }
        }
    }

    /**
     * The codes back, one a byte.
     *
     * @param count weights
     * @param planeCount 1 to 8
     * @param planes as {@link #pack} made them
     * @return count codes
     * @throws IllegalArgumentException if the segment is too small
     */
    public static byte[] unpack(int count, int planeCount, MemorySegment planes) {
        checkPlaneSize(planes, count, planeCount);
        byte[] codes = new byte[count];
        for (int i = 0; i < count; i++) {
            long group = (long) (i / WEIGHTS_PER_WORD) * planeCount;
            int code = 0;
            for (int p = 0; p < planeCount; p++) {
                code |= (int) (planes.get(WORD, (group + p) * Long.BYTES) >>> i & 1) << p;
            }
            codes[i] = (byte) code;
        }
        return codes;
    }

    /**
     * Rebuilds the weights as they were when {@code step} ended.
     *
     * @param count weights
     * @param weights float32 [count], off-heap or over an array; so all segments
     * @param planes see the class
     * @param planeCount 1 to 8
     * @param step 0 to 2^planeCount - 1
     * @param channelScaleOrNull null, or float32 factors, one for each run of weightsPerChannel weights
     * @param weightsPerChannel at least 1 if there are factors, otherwise ignored
     * @param out float32 [count], overwritten; may be the same memory as the weights, but not overlap it otherwise
     * @throws IllegalArgumentException if a size does not fit; the message has both
     * @throws IllegalStateException if this is closed, or a segment is closed while the call runs
     */
    public synchronized void apply(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            @Nullable MemorySegment channelScaleOrNull,
            long weightsPerChannel,
            MemorySegment out) {
        if (closed) {
            throw new IllegalStateException("this kernel is closed");
        }
        check(count, weights, planes, planeCount, step, channelScaleOrNull, weightsPerChannel, out);
        try {
            if (kernel.takes(weights)
                    && kernel.takes(planes)
                    && kernel.takes(out)
                    && (channelScaleOrNull == null || kernel.takes(channelScaleOrNull))) {
                run(count, weights, planes, planeCount, step, channelScaleOrNull, weightsPerChannel, out);
            } else {
                copied(count, weights, planes, planeCount, step, channelScaleOrNull, weightsPerChannel, out);
            }
        } catch (IllegalStateException e) {
            String[] names = {"weights", "planes", "channel scale", "out"};
            throw Memory.closed(e, names, weights, planes, channelScaleOrNull, out);
        } finally {
            kernel.release();
            // C knows addresses only: memory of an automatic arena must not be collected before it is done.
            Reference.reachabilityFence(weights);
            Reference.reachabilityFence(planes);
            Reference.reachabilityFence(channelScaleOrNull);
            Reference.reachabilityFence(out);
        }
    }

    private void copied(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            @Nullable MemorySegment scaleOrNull,
            long weightsPerChannel,
            MemorySegment out) {
        kernel.release(); // of what is copied instead
        try (Arena arena = Arena.ofShared()) {
            MemorySegment copy = arena.allocate(Math.max(1, count * Float.BYTES), 64);
            MemorySegment scale = scaleOrNull == null
                    ? null
                    : copyOf(scaleOrNull, Math.ceilDiv(count, weightsPerChannel) * Float.BYTES, arena);
            MemorySegment from = copyOf(weights, count * Float.BYTES, arena);
            MemorySegment masks = copyOf(planes, planeBytes(count, planeCount), arena);
            run(count, from, masks, planeCount, step, scale, weightsPerChannel, copy);
            MemorySegment.copy(copy, 0, out, 0, count * Float.BYTES);
        }
    }

    private static MemorySegment copyOf(MemorySegment segment, long bytes, Arena arena) {
        return arena.allocate(Math.max(1, bytes), 64).copyFrom(segment.asSlice(0, bytes));
    }

    private void run(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            @Nullable MemorySegment scale,
            long weightsPerChannel,
            MemorySegment out) {
        kernel.bind(count, weights, planes, planeCount, step, scale, weightsPerChannel, out);
        words = words(count);
        team.run(task, Math.toIntExact(Math.ceilDiv(words, WORDS_PER_BLOCK)));
    }

    private void rebuild(int block, int thread) {
        long begin = (long) block * WORDS_PER_BLOCK;
        kernel.words(begin, Math.min(begin + WORDS_PER_BLOCK, words));
    }

    private static void check(
            long count,
            MemorySegment weights,
            MemorySegment planes,
            int planeCount,
            int step,
            @Nullable MemorySegment scale,
            long weightsPerChannel,
            MemorySegment out) {
        checkPlanes(count, planeCount);
        if (step < 0 || step >= 1 << planeCount) {
            throw new IllegalArgumentException(
                    "step " + step + ": expected 0 to " + ((1 << planeCount) - 1) + " with " + planeCount + " planes");
        }
        checkFloats("weights", weights, count);
        checkPlaneSize(planes, count, planeCount);
        checkFloats("out", out, count);
        Memory.checkWritable("out", out);
        if (Memory.overlap(weights, out, count * Float.BYTES) && weights.address() != out.address()) {
            throw new IllegalArgumentException("out overlaps weights: expected the same memory or memory of its own");
        }
        if (Memory.overlap(planes, out, count * Float.BYTES)) {
            throw new IllegalArgumentException("out overlaps planes: expected memory of its own");
        }
        if (scale != null) {
            if (weightsPerChannel < 1) {
                throw new IllegalArgumentException(
                        "weights per channel " + weightsPerChannel + ": expected at least 1");
            }
            checkFloats("channel scale", scale, Math.ceilDiv(count, weightsPerChannel));
            if (Memory.overlap(scale, out, count * Float.BYTES)) {
                throw new IllegalArgumentException("out overlaps channel scale: expected memory of its own");
            }
        }
    }

    // The texts are made only when they are needed: calls allocate nothing.

    private static void checkFloats(String name, MemorySegment segment, long count) {
        Memory.checkGiven(name, segment);
        if (segment.byteSize() < count * Float.BYTES || !Memory.isUsable(segment)) {
            Memory.check(name, segment, count * Float.BYTES, count + " float32");
        }
    }

    private static void checkPlaneSize(MemorySegment planes, long count, int planeCount) {
        long bytes = planeBytes(count, planeCount);
        Memory.checkGiven("planes", planes);
        if (planes.byteSize() < bytes || !Memory.isUsable(planes)) {
            Memory.check("planes", planes, bytes, count + " codes in " + planeCount + " planes");
        }
    }

    private static void checkPlanes(long count, int planeCount) {
        if (count < 0 || planeCount < 1 || planeCount > MOST_PLANES) {
            throw new IllegalArgumentException(
                    "count " + count + ", planes " + planeCount + ": expected at least 0, and 1 to " + MOST_PLANES);
        }
        if (count > MOST_WEIGHTS) {
            throw new IllegalArgumentException("count " + count + ": expected at most " + MOST_WEIGHTS + " weights");
        }
    }

    private static long words(long count) {
        return Math.ceilDiv(count, WEIGHTS_PER_WORD);
    }

    /** Frees the scratch memory; calls after it throw {@link IllegalStateException}. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            kernel.close();
        }
    }
}
