package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.MovingAverage;
import dev.palimpsest.tensor.Mirror;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** In blocks that stay in the first-level cache, over plain arrays, which the JIT compiler vectorises. */
final class CpuMovingAverage implements MovingAverage {
    private static final int BLOCK = 1024;

    private final List<Mirror> targets;
    private final List<Mirror> sources;
    private final float[] kept;
    private final float[] own = new float[BLOCK];
    private final float[] others = new float[BLOCK];

    CpuMovingAverage(List<Mirror> targets, List<Mirror> sources, float[] kept) {
        this.targets = List.copyOf(targets);
        this.sources = List.copyOf(sources);
        this.kept = kept.clone();
    }

    @Override
    public void step() {
        for (int i = 0; i < kept.length; i++) {
            if (kept[i] == 0) {
                targets.get(i).update().copyFrom(sources.get(i).read());
            } else {
                mix(targets.get(i).update(), kept[i], sources.get(i).read());
            }
        }
    }

    private void mix(MemorySegment target, float share, MemorySegment source) {
        long size = target.byteSize() / Float.BYTES;
        for (long begin = 0; begin < size; begin += BLOCK) {
            int count = (int) Math.min(BLOCK, size - begin);
            MemorySegment.copy(target, JAVA_FLOAT, begin * Float.BYTES, own, 0, count);
            MemorySegment.copy(source, JAVA_FLOAT, begin * Float.BYTES, others, 0, count);
            for (int i = 0; i < count; i++) {
                own[i] = share * own[i] + (1 - share) * others[i];
            }
            MemorySegment.copy(own, 0, target, JAVA_FLOAT, begin * Float.BYTES, count);
        }
    }

    /** It holds nothing off-heap. */
    @Override
    public void close() {}
}
