package dev.palimpsest.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaFeatureMse;
import dev.palimpsest.cuda.CudaMultiTeacherKl;
import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.cuda.CudaSnapshotReconstruction;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.cuda.DeviceMatrix;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.kernel.SnapshotReconstruction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The kernels on cuda:0, queued a hundred times before the host waits, as a training step does; with the share of the
 * card's copy bandwidth, measured in the same process. Shapes of less than the L2 cache may exceed it. {@link Main}
 * leaves it out where there is no device.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class CudaKernelsBenchmark {
    private static final int CALLS = 100;
    private static final int STEPS = 5;
    private static final int STEP = 3;

    /** Kernel, rows × columns × teachers or weights, type of the teachers. */
    @Param({
        "multi_teacher_kl 128x100x10 float32",
        "multi_teacher_kl 128x1000x10 float32",
        "multi_teacher_kl 256x10000x5 float32",
        "multi_teacher_kl 64x50000x4 float32",
        "multi_teacher_kl 256x10000x5 bfloat16",
        "feature_mse 128x512x10 float32",
        "feature_mse 128x16384x5 float32",
        "feature_mse 128x16384x5 bfloat16",
        "snapshot_reconstruction 500000 float32",
        "snapshot_reconstruction 11200000 float32",
        "snapshot_reconstruction 100000000 float32"
    })
    public String kernel;

    private final Arena arena = Arena.ofShared();
    private CudaDevice device;
    private CudaStream stream;
    private Runnable call;

    @Setup(Level.Trial)
    public void setUp() {
        device = CudaDevice.open(0, CudaOptions.ofSystem());
        stream = device.compute();
        String[] words = kernel.split(" ");
        int[] sizes =
                Arrays.stream(words[1].split("x")).mapToInt(Integer::parseInt).toArray();
        long bytes = words[0].startsWith("snapshot")
                ? snapshot(sizes[0])
                : rows(words[0], sizes, ElementType.valueOf(words[2].toUpperCase(Locale.ROOT)));
        Bandwidth.of(bytes, copyBandwidth());
    }

    @Benchmark
    @OperationsPerInvocation(CALLS)
    public void calls() {
        for (int i = 0; i < CALLS; i++) {
            call.run();
        }
        stream.synchronize();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        device.close();
        arena.close();
    }

    /** @return the bytes that the .md counts */
    private long rows(String name, int[] sizes, ElementType type) {
        int rows = sizes[0];
        int columns = sizes[1];
        int count = sizes[2];
        SplittableRandom random = new SplittableRandom(4);
        MemorySegment student = Inputs.normal(arena, random, (long) rows * columns, 3);
        MemorySegment weight = Inputs.normal(arena, random, (long) rows * count, 1);
        MemorySegment[] teachers = new MemorySegment[count];
        DeviceMatrix[] there = new DeviceMatrix[count];
        for (int k = 0; k < count; k++) {
            teachers[k] = Inputs.normal(arena, random, (long) rows * columns, 3);
            there[k] = new DeviceMatrix(upload(as(type, teachers[k])), columns);
        }
        DeviceMatrix s = new DeviceMatrix(upload(student), columns);
        DeviceMatrix w = new DeviceMatrix(upload(weight), count);
        DeviceMatrix g = new DeviceMatrix(device.allocate(student.byteSize()).address(), columns);
        long loss = device.allocate(8).address();
        MemorySegment expected = arena.allocate(student.byteSize(), 64);
        double expectedLoss;
        if (name.equals("multi_teacher_kl")) {
            var ranges = Collections.nCopies(count, new ClassRange(0, columns));
            CudaMultiTeacherKl kl = new CudaMultiTeacherKl(device, stream, rows, columns, ranges, type);
            call = () -> kl.lossAndGradient(rows, 2, s, there, w, g, loss);
            try (MultiTeacherKl twin = new MultiTeacherKl(rows, columns, ranges, 1)) {
                expectedLoss = twin.lossAndGradient(rows, 2, student, teachers, weight, expected);
            }
        } else {
            CudaFeatureMse mse = new CudaFeatureMse(device, stream, rows, columns, count, type);
            call = () -> mse.lossAndGradient(rows, s, there, w, g, loss);
            try (FeatureMse twin = new FeatureMse(rows, columns, count, 1)) {
                expectedLoss = twin.lossAndGradient(rows, student, teachers, weight, expected);
            }
        }
        call.run();
        requireSame("gradient", expected, g.address());
        MemorySegment one = arena.allocate(8, 8);
        one.set(JAVA_DOUBLE, 0, expectedLoss);
        requireSame("loss", one, loss);
        return (long) rows * columns * (2 * Float.BYTES + (long) count * type.bytes());
    }

    /** @return the bytes that the .md counts */
    private long snapshot(int weights) {
        int planeCount = SnapshotReconstruction.planesFor(STEPS);
        SplittableRandom random = new SplittableRandom(5);
        MemorySegment in = Inputs.normal(arena, random, weights, 1);
        byte[] codes = new byte[weights];
        for (int i = 0; i < weights; i++) {
            codes[i] = (byte) random.nextInt(STEPS + 1);
        }
        MemorySegment planes = arena.allocate(SnapshotReconstruction.planeBytes(weights, planeCount), 64);
        SnapshotReconstruction.pack(codes, planeCount, planes);
        MemorySegment expected = arena.allocate(in.byteSize(), 64);
        try (SnapshotReconstruction twin = new SnapshotReconstruction(1)) {
            twin.apply(weights, in, planes, planeCount, STEP, null, 0, expected);
        }
        long from = upload(in);
        long codesThere = upload(planes);
        long to = device.allocate(in.byteSize()).address();
        CudaSnapshotReconstruction rebuild = new CudaSnapshotReconstruction(device, stream);
        call = () -> rebuild.apply(weights, from, codesThere, planeCount, STEP, 0, 0, to);
        call.run();
        requireSame("weights", expected, to);
        return 2 * in.byteSize() + planes.byteSize();
    }

    /** The values as the type holds them; what it cannot hold is cut off the given ones, too. */
    private MemorySegment as(ElementType type, MemorySegment values) {
        if (type == ElementType.FLOAT32) {
            return values;
        }
        if (type != ElementType.BFLOAT16) {
            throw new IllegalArgumentException("type " + type + ": expected float32 or bfloat16");
        }
        long count = values.byteSize() / Float.BYTES;
        MemorySegment narrow = arena.allocate(count * type.bytes(), 64);
        for (long i = 0; i < count; i++) {
            int bits = values.getAtIndex(JAVA_INT, i);
            narrow.setAtIndex(JAVA_SHORT, i, (short) (bits >>> 16));
            values.setAtIndex(JAVA_FLOAT, i, Float.intBitsToFloat(bits & 0xffff0000));
        }
        return narrow;
    }

    private long upload(MemorySegment values) {
        DeviceBuffer buffer = device.allocate(values.byteSize());
        stream.toDevice(values, buffer.address());
        return buffer.address();
    }

    /** Bit for bit. */
    private void requireSame(String what, MemorySegment expected, long address) {
        MemorySegment actual = arena.allocate(expected.byteSize(), 64);
        stream.toHost(address, actual);
        long at = expected.mismatch(actual);
        if (at >= 0) {
            throw new IllegalStateException(what + " on the device differs at byte " + at + ": "
                    + actual.get(JAVA_BYTE, at) + ", expected " + expected.get(JAVA_BYTE, at));
        }
    }

    /** GB/s of a copy on the device, bytes read and written; the best of ten copies of far more than any cache. */
    private double copyBandwidth() {
        long bytes = Math.min(1L << 30, device.info().memoryBytes() / 8);
        double best = 0;
        try (DeviceBuffer from = device.allocate(bytes);
                DeviceBuffer to = device.allocate(bytes);
                CudaStream.Event begin = device.event();
                CudaStream.Event end = device.event()) {
            stream.zero(from.address(), bytes);
            for (int i = 0; i < 10; i++) {
                begin.record(stream);
                stream.copy(from.address(), to.address(), bytes);
                end.record(stream);
                end.synchronize();
                best = Math.max(best, 2 * bytes / (end.millisecondsSince(begin) * 1e6));
            }
        }
        return best;
    }
}
