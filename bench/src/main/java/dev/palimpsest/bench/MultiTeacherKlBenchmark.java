package dev.palimpsest.bench;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.MultiTeacherKl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
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

/** Full-range distillation from K teachers, rows × classes × K. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class MultiTeacherKlBenchmark {
    private static final float TEMPERATURE = 2;

    @Param({"128x100x10", "128x1000x10", "256x10000x5"})
    public String shape;

    @Param({"java", "baseline", "avx2", "avx512"})
    public String implementation;

    @Param({"1", "2"})
    public int threads;

    private final Arena arena = Arena.ofShared();
    private int rows;
    private int classes;
    private MultiTeacherKl kernel;
    private MemorySegment student;
    private MemorySegment[] teachers;
    private MemorySegment weight;
    private MemorySegment gradient;

    @Setup(Level.Trial)
    public void setUp() {
        int[] sizes =
                Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
        rows = sizes[0];
        classes = sizes[1];
        SplittableRandom random = new SplittableRandom(1);
        student = Inputs.normal(arena, random, (long) rows * classes, 3);
        teachers = new MemorySegment[sizes[2]];
        Arrays.setAll(teachers, k -> Inputs.normal(arena, random, (long) rows * classes, 3));
        weight = Inputs.normal(arena, random, (long) rows * teachers.length, 1);
        gradient = arena.allocate((long) rows * classes * Float.BYTES, 64);
        kernel = new MultiTeacherKl(
                rows,
                classes,
                Collections.nCopies(teachers.length, new ClassRange(0, classes)),
                threads,
                Implementation.of(implementation));
        Bandwidth.of((long) rows * classes * Float.BYTES * (teachers.length + 2));
        verify(lossAndGradient());
    }

    @Benchmark
    public double lossAndGradient() {
        return kernel.lossAndGradient(rows, TEMPERATURE, student, teachers, weight, gradient);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        kernel.close();
        arena.close();
    }

    private void verify(double loss) {
        double expected = 0;
        for (int row = 0; row < rows; row++) {
            double[] q = softmax(student, row);
            double[] slope = new double[classes];
            for (int k = 0; k < teachers.length; k++) {
                double[] p = softmax(teachers[k], row);
                double w = Inputs.at(weight, (long) row * teachers.length + k);
                for (int c = 0; c < classes; c++) {
                    expected += w * TEMPERATURE * TEMPERATURE * p[c] * Math.log(p[c] / q[c]) / rows;
                    slope[c] += w * TEMPERATURE * (q[c] - p[c]) / rows;
                }
            }
            double largest = Arrays.stream(slope).map(Math::abs).max().orElseThrow();
            for (int c = 0; c < classes; c++) {
                Inputs.requireClose(
                        "gradient", slope[c], Inputs.at(gradient, (long) row * classes + c), 1e-5 * largest);
            }
        }
        Inputs.requireClose("loss", expected, loss, 1e-5 * Math.max(1, Math.abs(expected)));
    }

    private double[] softmax(MemorySegment logits, int row) {
        double[] p = new double[classes];
        Arrays.setAll(p, c -> Inputs.at(logits, (long) row * classes + c) / TEMPERATURE);
        double top = Arrays.stream(p).max().orElseThrow();
        Arrays.setAll(p, c -> Math.exp(p[c] - top));
        double sum = Arrays.stream(p).sum();
        Arrays.setAll(p, c -> p[c] / sum);
        return p;
    }
}
