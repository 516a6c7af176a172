package dev.palimpsest.bench;

import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.kernel.Kernels.Implementation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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

/** Features of K teachers, rows × dimensions × K. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class FeatureMseBenchmark {
    @Param({"128x512x10", "128x16384x5"})
    public String shape;

    @Param({"java", "baseline", "avx2", "avx512"})
    public String implementation;

    @Param({"1", "2"})
    public int threads;

    private final Arena arena = Arena.ofShared();
    private int rows;
    private int dims;
    private FeatureMse kernel;
    private MemorySegment student;
    private MemorySegment[] teachers;
    private MemorySegment weight;
    private MemorySegment gradient;

    @Setup(Level.Trial)
    public void setUp() {
        int[] sizes =
                Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
        rows = sizes[0];
        dims = sizes[1];
        SplittableRandom random = new SplittableRandom(2);
        student = Inputs.normal(arena, random, (long) rows * dims, 1);
        teachers = new MemorySegment[sizes[2]];
        Arrays.setAll(teachers, k -> Inputs.normal(arena, random, (long) rows * dims, 1));
        weight = Inputs.normal(arena, random, (long) rows * teachers.length, 1);
        gradient = arena.allocate((long) rows * dims * Float.BYTES, 64);
        kernel = new FeatureMse(rows, dims, teachers.length, threads, Implementation.of(implementation));
        Bandwidth.of((long) rows * dims * Float.BYTES * (teachers.length + 2));
        verify(lossAndGradient());
    }

    @Benchmark
    public double lossAndGradient() {
        return kernel.lossAndGradient(rows, student, teachers, weight, gradient);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        kernel.close();
        arena.close();
    }

    private void verify(double loss) {
        double expected = 0;
        for (int row = 0; row < rows; row++) {
            for (int d = 0; d < dims; d++) {
                long at = (long) row * dims + d;
                double slope = 0;
                for (int k = 0; k < teachers.length; k++) {
                    double w = Inputs.at(weight, (long) row * teachers.length + k);
                    double difference = (double) Inputs.at(student, at) - Inputs.at(teachers[k], at);
                    expected += w * difference * difference / rows;
                    slope += 2 * w * difference / rows;
                }
                Inputs.requireClose("gradient", slope, Inputs.at(gradient, at), 1e-6);
            }
        }
        Inputs.requireClose("loss", expected, loss, 1e-5 * Math.max(1, Math.abs(expected)));
    }
}
