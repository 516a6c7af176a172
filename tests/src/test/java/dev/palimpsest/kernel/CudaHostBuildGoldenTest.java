package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The goldens through the CUDA kernels as host code. */
class CudaHostBuildGoldenTest {
    private static final int MULTI_TEACHER_KL = 0;
    private static final int FEATURE_MSE = 1;
    private static final int SNAPSHOT_RECONSTRUCTION = 2;

    @TempDir
    Path folder;

    static Stream<Path> multiTeacherKl() {
        return Golden.cases("multi_teacher_kl");
    }

    static Stream<Path> featureMse() {
        return Golden.cases("feature_mse");
    }

    static Stream<Path> maskedSnapshot() {
        return Golden.cases("masked_snapshot");
    }

    @ParameterizedTest
    @MethodSource("multiTeacherKl")
    void logits(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int[] begin = golden.ints("class_begin");
        int[] end = golden.ints("class_end");
        float[][] teachers = new float[begin.length][];
        Arrays.setAll(teachers, k -> golden.floats("teacher." + k));
        lossAndGradient(
                golden,
                MULTI_TEACHER_KL,
                Double.parseDouble(golden.metadata().get("temperature")),
                begin,
                end,
                teachers);
    }

    @ParameterizedTest
    @MethodSource("featureMse")
    void features(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int count = golden.shape("teachers").extent(0);
        float[] all = golden.floats("teachers");
        int size = all.length / count;
        float[][] teachers = new float[count][];
        Arrays.setAll(teachers, k -> Arrays.copyOfRange(all, k * size, (k + 1) * size));
        int[] end = new int[count];
        Arrays.fill(end, golden.shape("student").extent(1));
        lossAndGradient(golden, FEATURE_MSE, 1, new int[count], end, teachers);
    }

    @ParameterizedTest
    @MethodSource("maskedSnapshot")
    void everyStepComesBackBitForBit(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int steps = Math.toIntExact(golden.names().stream()
                .filter(name -> name.startsWith("owner."))
                .map(name -> name.split("\\.", 3)[1])
                .distinct()
                .count());
        List<String> tensors = golden.names().stream()
                .filter(name -> name.startsWith("owner." + steps + "."))
                .map(name -> name.substring(("owner." + steps + ".").length()))
                .toList();
        assertTrue(!tensors.isEmpty(), "the case has owners");
        for (String tensor : tensors) {
            for (int step = 1; step <= steps; step++) {
                float[] expected = golden.floats("snapshot." + step + "." + tensor);
                float[] weights = golden.floats("survivors." + steps + "." + tensor);
                byte[] owners = golden.bytes("owner." + steps + "." + tensor);
                assertArrayEquals(bits(expected), bits(rebuilt(weights, owners, steps, step)), tensor + " " + step);
            }
        }
    }

    private void lossAndGradient(
            Safetensors golden, int kernel, double temperature, int[] begin, int[] end, float[][] teachers)
            throws IOException {
        int rows = golden.shape("student").extent(0);
        int columns = golden.shape("student").extent(1);
        ByteBuffer in = littleEndian(1 << 24);
        in.putLong(kernel)
                .putLong(rows)
                .putLong(columns)
                .putLong(teachers.length)
                .putDouble(temperature);
        Arrays.stream(begin).forEach(in::putLong);
        Arrays.stream(end).forEach(in::putLong);
        put(in, golden.floats("student"));
        for (float[] teacher : teachers) {
            put(in, teacher);
        }
        put(in, golden.floats("weight"));
        ByteBuffer out = run(in);
        double loss = 0;
        for (int row = 0; row < rows; row++) {
            loss += out.getDouble();
        }
        Within.loss(golden.doubles("loss")[0], loss / rows, 1e-6, "host build");
        Within.gradient(golden.doubles("grad"), floats(out, rows * columns), 1e-6, "host build");
    }

    private float[] rebuilt(float[] weights, byte[] owners, int steps, int step) throws IOException {
        int planes = SnapshotReconstruction.planesFor(steps);
        ByteBuffer in = littleEndian(1 << 24);
        in.putLong(SNAPSHOT_RECONSTRUCTION)
                .putLong(weights.length)
                .putLong(planes)
                .putLong(step);
        put(in, weights);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment packed = arena.allocate(SnapshotReconstruction.planeBytes(owners.length, planes), 8);
            SnapshotReconstruction.pack(owners, planes, packed);
            in.put(packed.toArray(ValueLayout.JAVA_BYTE));
        }
        return floats(run(in), weights.length);
    }

    /** The result file of one case; the runner has compared it with the C++ twin as well. */
    private ByteBuffer run(ByteBuffer in) throws IOException {
        Path from = folder.resolve("in");
        Path to = folder.resolve("out");
        Files.write(from, Arrays.copyOf(in.array(), in.position()));
        List<SimtRunner.Check> checks = SimtRunner.checks("case", from.toString(), to.toString());
        assertEquals(List.of(new SimtRunner.Check("case", null)), checks);
        return ByteBuffer.wrap(Files.readAllBytes(to)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void put(ByteBuffer buffer, float[] values) {
        for (float value : values) {
            buffer.putFloat(value);
        }
    }

    private static float[] floats(ByteBuffer buffer, int count) {
        assertEquals((long) count * Float.BYTES, buffer.remaining(), "bytes of the result");
        float[] values = new float[count];
        buffer.asFloatBuffer().get(values);
        return values;
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }
}
