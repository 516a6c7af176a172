package dev.palimpsest.kernel;

import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** The executable specification of {@link SnapshotReconstruction}. */
final class JavaSnapshotReconstruction implements SnapshotKernel {
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** What to keep of two neighbouring weights, by their two bits. */
    private static final long[] PAIR = {0, 0xFFFF_FFFFL, 0xFFFF_FFFF_0000_0000L, -1};

    private final Team team;
    private long count;
    private MemorySegment weights;
    private MemorySegment planes;
    private int planeCount;
    private int step;
    private @Nullable MemorySegment scale;
    private long weightsPerChannel;
    private MemorySegment out;

    @SuppressWarnings("NullAway.Init") // bind sets the segments before words reads them
    JavaSnapshotReconstruction(Team team) {
        this.team = team;
    }

    @Override
    public boolean takes(MemorySegment segment) {
        return team.sees(segment);
    }

    @Override
    public void release() {}

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
        this.count = count;
        this.weights = weights;
        this.planes = planes;
        this.planeCount = planeCount;
        this.step = step;
        this.scale = scale;
        this.weightsPerChannel = weightsPerChannel;
        this.out = out;
    }

    @Override
    public void words(long begin, long end) {
        for (long word = begin; word < end; word++) {
            long kept = kept(word);
            long first = word * Long.SIZE;
            int n = (int) Math.min(Long.SIZE, count - first);
            if (scale != null) {
                scaled(scale, kept, first, n);
            } else {
                selected(kept, first, n);
            }
        }
    }

    /**
     * Bit j is set where 0 < code of weight j ≤ step: a comparison of all 64 codes at once, from their highest bit
     * down.
     */
    private long kept(long word) {
        long any = 0;
        long below = 0;
        long equal = -1;
        for (int p = planeCount - 1; p >= 0; p--) {
            long bit = planes.get(WORD, (word * planeCount + p) * Long.BYTES);
            long limit = -(step >> p & 1L);
            any |= bit;
            below |= equal & limit & ~bit;
            equal &= ~(limit ^ bit);
        }
        return any & (below | equal);
    }

    /** As integers: a float would not keep every NaN's bits. */
    private void selected(long kept, long first, int n) {
        long at = first * Float.BYTES;
        int pairs = n / 2;
        for (int j = 0; j < pairs; j++) {
            long two = weights.get(WORD, at + j * 8L);
            out.set(WORD, at + j * 8L, two & PAIR[(int) (kept >>> (2 * j)) & 3]);
        }
        if (n % 2 != 0) {
            long last = at + (n - 1L) * Float.BYTES;
            out.set(INT, last, weights.get(INT, last) & (int) -((kept >>> (n - 1)) & 1));
        }
    }

    private void scaled(MemorySegment scale, long kept, long first, int n) {
        for (int j = 0; j < n; j++) {
            long at = (first + j) * Float.BYTES;
            float factor = scale.get(FLOAT, (first + j) / weightsPerChannel * Float.BYTES);
            float value = weights.get(FLOAT, at) * factor;
            out.set(FLOAT, at, (kept >>> j & 1) != 0 ? value : 0f);
        }
    }

    @Override
    public void close() {}
}
