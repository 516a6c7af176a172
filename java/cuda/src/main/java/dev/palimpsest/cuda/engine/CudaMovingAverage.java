package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.Backend;
import dev.palimpsest.tensor.Mirror;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** One launch moves all targets; the table of addresses stays on the device. */
final class CudaMovingAverage implements Backend.MovingAverage {
    private static final int THREADS = 256;
    private static final int VALUES_A_BLOCK = 1024;
    /** Of the table, for each pair: target, source, bits of the share kept, size, first block. */
    private static final int WORDS = 5;

    private final CudaContext engine;
    private final List<Mirror> targets;
    private final List<Mirror> sources;
    private final DeviceBuffer table;
    private final DeviceBuffer pairOfBlock;
    private final int blocks;
    private final CudaLaunch follow;

    CudaMovingAverage(CudaContext engine, List<Mirror> targets, List<Mirror> sources, float[] kept) {
        this.engine = engine;
        this.targets = List.copyOf(targets);
        this.sources = List.copyOf(sources);
        follow = new CudaLaunch(engine.device(), "optimiser", "follow", 2);
        int[] blocksOf = targets.stream()
                .mapToInt(target -> Math.ceilDiv(values(target), VALUES_A_BLOCK))
                .toArray();
        blocks = Arrays.stream(blocksOf).sum();
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment words = temporary.allocate(JAVA_LONG, (long) WORDS * targets.size());
            MemorySegment owners = temporary.allocate(JAVA_INT, blocks);
            int block = 0;
            for (int i = 0; i < targets.size(); i++) {
                long at = (long) WORDS * i;
                words.setAtIndex(
                        JAVA_LONG, at, engine.mirrors().write(targets.get(i)).address());
                words.setAtIndex(
                        JAVA_LONG, at + 1, engine.mirrors().read(sources.get(i)).address());
                words.setAtIndex(JAVA_LONG, at + 2, Float.floatToRawIntBits(kept[i]));
                words.setAtIndex(JAVA_LONG, at + 3, values(targets.get(i)));
                words.setAtIndex(JAVA_LONG, at + 4, block);
                for (int b = 0; b < blocksOf[i]; b++) {
                    owners.setAtIndex(JAVA_INT, block++, i);
                }
            }
            table = engine.take(words.byteSize());
            pairOfBlock = engine.take(owners.byteSize());
            engine.lane().stream().toDevice(words, table.address());
            engine.lane().stream().toDevice(owners, pairOfBlock.address());
        }
    }

    private static int values(Mirror mirror) {
        return Math.toIntExact(mirror.bytes() / Float.BYTES);
    }

    @Override
    public void step() {
        sources.forEach(engine.mirrors()::read);
        targets.forEach(engine.mirrors()::write);
        follow.with(table.address()).with(pairOfBlock.address()).run(engine.lane().stream(), blocks, THREADS, 0);
    }

    @Override
    public void close() {
        table.close();
        pairOfBlock.close();
    }
}
