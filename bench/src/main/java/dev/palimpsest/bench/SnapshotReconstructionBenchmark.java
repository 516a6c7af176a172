package dev.palimpsest.bench;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.SnapshotReconstruction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Step 3 of 5 out of three bit planes: ResNet-32 has 0.5 million weights, ResNet-18 11.2 million. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class SnapshotReconstructionBenchmark {
    private static final int STEPS = 5;
    private static final int STEP = 3;

    @Param({"500000", "11200000"})
    public int weights;

    @Param({"java", "baseline", "avx2", "avx512"})
    public String implementation;

    @Param({"1", "2"})
    public int threads;

    private final Arena arena = Arena.ofShared();
    private final int planeCount = SnapshotReconstruction.planesFor(STEPS);
    private SnapshotReconstruction kernel;
    private MemorySegment in;
    private MemorySegment planes;
    private MemorySegment out;

    @Setup(Level.Trial)
    public void setUp() {
        SplittableRandom random = new SplittableRandom(3);
        in = Inputs.normal(arena, random, weights, 1);
        out = arena.allocate(in.byteSize(), 64);
        byte[] codes = new byte[weights];
        for (int i = 0; i < weights; i++) {
            codes[i] = (byte) random.nextInt(STEPS + 1);
        }
        planes = arena.allocate(SnapshotReconstruction.planeBytes(weights, planeCount), 64);
        SnapshotReconstruction.pack(codes, planeCount, planes);
        kernel = new SnapshotReconstruction(threads, Implementation.of(implementation));
        Bandwidth.of(2 * in.byteSize() + planes.byteSize());
        rebuild();
        for (int i = 0; i < weights; i++) {
            boolean kept = codes[i] != 0 && codes[i] <= STEP;
            if (out.getAtIndex(ValueLayout.JAVA_INT, i) != (kept ? in.getAtIndex(ValueLayout.JAVA_INT, i) : 0)) {
                throw new IllegalStateException("weight " + i + " is " + Inputs.at(out, i));
            }
        }
    }

    @Benchmark
    public void rebuild() {
        kernel.apply(weights, in, planes, planeCount, STEP, null, 0, out);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        kernel.close();
        arena.close();
    }
}
