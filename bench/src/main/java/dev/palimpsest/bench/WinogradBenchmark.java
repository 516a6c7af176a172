package dev.palimpsest.bench;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.passes.Winograd;
import dev.palimpsest.kernel.passes.Winograd.Geometry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
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

/** Convolutions 3 × 3 of a chunk of images on one thread, images × inputs × outputs × side. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class WinogradBenchmark {
    /** 10⁹ multiplications and additions of the direct sum, which the kernel does with fewer. */
    @State(Scope.Thread)
    @AuxCounters
    public static class Operations {
        public double gigaflops;
    }

    @Param({"8x16x16x32", "8x32x32x16", "8x64x64x8", "4x64x64x32", "4x128x128x16", "4x256x256x8"})
    public String shape;

    @Param({"avx2", "avx512"})
    public String implementation;

    private final Arena arena = Arena.ofShared();
    private Geometry geometry;
    private Winograd kernel;
    private MemorySegment images;
    private MemorySegment weights;
    private MemorySegment transformed;
    private MemorySegment outputs;
    private MemorySegment part;
    private double gigaflops;

    @Setup(Level.Trial)
    public void setUp() {
        int[] sizes =
                Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
        geometry = new Geometry(sizes[0], sizes[1], sizes[2], sizes[3], sizes[3]);
        long positions = (long) sizes[0] * sizes[3] * sizes[3];
        long pairs = (long) sizes[1] * sizes[2];
        gigaflops = 2e-9 * positions * pairs * Winograd.TAPS;
        SplittableRandom random = new SplittableRandom(2);
        images = Inputs.normal(arena, random, positions * sizes[1], 1);
        weights = Inputs.normal(arena, random, pairs * Winograd.TAPS, 1);
        transformed = arena.allocate(pairs * Winograd.FREQUENCIES * Float.BYTES, 64);
        outputs = arena.allocate(positions * sizes[2] * Float.BYTES, 64);
        part = arena.allocate(pairs * Winograd.TAPS * Float.BYTES, 64);
        kernel = new Winograd(Implementation.of(implementation));
        kernel.weights(geometry, weights, false, transformed);
        kernel.convolve(geometry, images, transformed, null, null, false, outputs);
        verify(random);
    }

    @Benchmark
    public void convolution(Operations done) {
        kernel.convolve(geometry, images, transformed, null, null, false, outputs);
        done.gigaflops += gigaflops;
    }

    @Benchmark
    public void gradientOfTheWeights(Operations done) {
        kernel.gradient(geometry, images, outputs, geometry.images(), part);
        done.gigaflops += gigaflops;
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        kernel.close();
        arena.close();
    }

    /** Some inner outputs against the direct sum. */
    private void verify(SplittableRandom random) {
        for (int i = 0; i < 1000; i++) {
            int image = random.nextInt(geometry.images());
            int output = random.nextInt(geometry.outputs());
            int y = random.nextInt(1, geometry.height() - 1);
            int x = random.nextInt(1, geometry.width() - 1);
            double sum = 0;
            for (int c = 0; c < geometry.inputs(); c++) {
                for (int tap = 0; tap < Winograd.TAPS; tap++) {
                    long weight = ((long) output * geometry.inputs() + c) * Winograd.TAPS + tap;
                    sum += (double) Inputs.at(weights, weight)
                            * Inputs.at(images, at(image, c, geometry.inputs(), y + tap / 3 - 1, x + tap % 3 - 1));
                }
            }
            Inputs.requireClose("output", sum, Inputs.at(outputs, at(image, output, geometry.outputs(), y, x)), 1e-3);
        }
    }

    private long at(int image, int channel, int channels, int y, int x) {
        long block = (long) image * (channels / Winograd.BLOCK) + channel / Winograd.BLOCK;
        return ((block * geometry.height() + y) * geometry.width() + x) * Winograd.BLOCK + channel % Winograd.BLOCK;
    }
}
