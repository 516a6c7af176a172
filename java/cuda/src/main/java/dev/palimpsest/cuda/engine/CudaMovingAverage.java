package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.MovingAverage;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import dev.palimpsest.kernel.ffi.NativeStruct;
import dev.palimpsest.tensor.Mirror;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** One launch moves all targets; the table of addresses stays on the device. */
final class CudaMovingAverage implements MovingAverage {
    private static final NativeStruct PAIR = NativeLibrary.struct("palimpsest_cuda_pair");

    private final CudaContext engine;
    private final List<Mirror> targets;
    private final List<Mirror> sources;
    private final DeviceBuffer table;
    private final DeviceBuffer pairOfBlock;
    private final int blocks;
    private final CudaKernel follow;

    CudaMovingAverage(CudaContext engine, List<Mirror> targets, List<Mirror> sources, float[] kept) {
        this.engine = engine;
        this.targets = List.copyOf(targets);
        this.sources = List.copyOf(sources);
        follow = engine.device().kernel("follow");
        int[] blocksOf = targets.stream()
                .mapToInt(target -> Math.ceilDiv(values(target), follow.itemsOfBlock()))
                .toArray();
        blocks = Arrays.stream(blocksOf).sum();
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment pairs = PAIR.allocate(temporary, targets.size());
            MemorySegment owners = temporary.allocate(JAVA_INT, blocks);
            int block = 0;
            for (int i = 0; i < targets.size(); i++) {
                MemorySegment pair = PAIR.element(pairs, i);
                set(pair, "target", engine.mirrors().write(targets.get(i)).address());
                set(pair, "source", engine.mirrors().read(sources.get(i)).address());
                set(pair, "kept_bits", Float.floatToRawIntBits(kept[i]));
                set(pair, "size", values(targets.get(i)));
                set(pair, "first_block", block);
                for (int b = 0; b < blocksOf[i]; b++) {
                    owners.setAtIndex(JAVA_INT, block++, i);
                }
            }
            table = engine.take(pairs.byteSize());
            pairOfBlock = engine.take(owners.byteSize());
            engine.streamContext().stream().toDevice(pairs, table.address());
            engine.streamContext().stream().toDevice(owners, pairOfBlock.address());
        }
    }

    private static void set(MemorySegment pair, String field, long value) {
        PAIR.field(field).set(pair, value);
    }

    private static int values(Mirror mirror) {
        return Math.toIntExact(mirror.bytes() / Float.BYTES);
    }

    @Override
    public void step() {
        sources.forEach(engine.mirrors()::read);
        targets.forEach(engine.mirrors()::write);
        follow.withBlocks(blocks, table.address(), pairOfBlock.address()).run(engine.streamContext().stream());
    }

    @Override
    public void close() {
        table.close();
        pairOfBlock.close();
    }
}
