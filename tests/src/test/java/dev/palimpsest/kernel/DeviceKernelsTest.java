package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The kernels on a device: the goldens, and the bits that one thread of plain Java gives. */
@Tag("device")
class DeviceKernelsTest {
    private static final Variant SPECIFICATION = new Variant(Implementation.JAVA, 1);

    private static DeviceRun run;

    @BeforeAll
    static void open() {
        run = new DeviceRun();
    }

    @AfterAll
    static void close() {
        run.close();
    }

    static Stream<Path> multiTeacherKlGoldens() {
        return Golden.cases("multi_teacher_kl");
    }

    static Stream<Path> featureMseGoldens() {
        return Golden.cases("feature_mse");
    }

    static Stream<Path> maskedSnapshotGoldens() {
        return Golden.cases("masked_snapshot");
    }

    @ParameterizedTest
    @MethodSource("multiTeacherKlGoldens")
    void logitsAreTheGoldens(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int[] begin = golden.ints("class_begin");
        int[] end = golden.ints("class_end");
        List<ClassRange> ranges = new ArrayList<>();
        float[][] teachers = new float[begin.length][];
        for (int k = 0; k < begin.length; k++) {
            ranges.add(new ClassRange(begin[k], end[k]));
            teachers[k] = golden.floats("teacher." + k);
        }
        KlCase input = new KlCase(
                golden.shape("student").extent(0),
                golden.shape("student").extent(1),
                ranges,
                Float.parseFloat(golden.metadata().get("temperature")),
                golden.floats("student"),
                teachers,
                golden.floats("weight"));
        requireGolden(golden, run.kl(input, ElementType.FLOAT32, 0));
    }

    @ParameterizedTest
    @MethodSource("featureMseGoldens")
    void featuresAreTheGoldens(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int count = golden.shape("teachers").extent(0);
        float[] all = golden.floats("teachers");
        float[][] teachers = new float[count][];
        Arrays.setAll(teachers, k -> Arrays.copyOfRange(all, k * (all.length / count), (k + 1) * (all.length / count)));
        requireGolden(
                golden,
                run.mse(
                        golden.shape("student").extent(0),
                        golden.shape("student").extent(1),
                        golden.floats("student"),
                        teachers,
                        golden.floats("weight"),
                        ElementType.FLOAT32,
                        0));
    }

    private static void requireGolden(Safetensors golden, KlCase.Result result) {
        Within.loss(golden.doubles("loss")[0], result.loss(), 1e-6, "device");
        Within.gradient(golden.doubles("grad"), result.gradient(), 1e-6, "device");
    }

    @ParameterizedTest
    @MethodSource("maskedSnapshotGoldens")
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
                float[] rebuilt = run.snapshot(
                        golden.floats("survivors." + steps + "." + tensor),
                        golden.bytes("owner." + steps + "." + tensor),
                        SnapshotReconstruction.planesFor(steps),
                        step,
                        null,
                        0);
                assertArrayEquals(
                        bits(golden.floats("snapshot." + step + "." + tensor)), bits(rebuilt), tensor + " " + step);
            }
        }
    }

    /**
     * Around the narrow, wide and streaming variants' borders; ranges of all kinds, rows with zero weights, strides.
     */
    static List<KlCase> klCases() {
        List<KlCase> cases = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(21);
        for (int size : new int[] {1, 3, 31, 33, 100, 129, 256, 257, 2049, 30000}) {
            int rows = size > 2000 ? 2 : 1 + random.nextInt(6);
            int inner = random.nextInt(size);
            ClassRange all = new ClassRange(0, size);
            ClassRange tail = new ClassRange(inner, size);
            ClassRange head = new ClassRange(0, inner + 1);
            KlCase one = KlCase.random(
                    random.nextLong(), rows, size, (float) (0.3 + 4 * random.nextDouble()), all, tail, tail, head);
            one.weight()[random.nextInt(one.weight().length)] = 0;
            one.weight()[random.nextInt(one.weight().length)] = -0f;
            cases.add(one);
        }
        cases.add(KlCase.random(1, 4, 5, 1)); // no teachers
        ClassRange[] many = new ClassRange[70]; // more than one launch's table
        Arrays.setAll(many, k -> new ClassRange(k % 5, 8 + k % 3));
        cases.add(KlCase.random(2, 67, 10, 2, many));
        return cases;
    }

    @ParameterizedTest
    @MethodSource("klCases")
    void logitsHaveTheBitsOfThePlainKernel(KlCase input) {
        for (ElementType type : ElementType.values()) {
            KlCase rounded = new KlCase(
                    input.rows(),
                    input.classes(),
                    input.ranges(),
                    input.temperature(),
                    input.student(),
                    through(type, input.teachers()),
                    input.weight());
            requireBits(
                    rounded.run(SPECIFICATION),
                    run.kl(rounded, type, type.ordinal()),
                    type + " " + input.rows() + "×" + input.classes());
        }
    }

    @Test
    void featuresHaveTheBitsOfThePlainKernel() {
        SplittableRandom random = new SplittableRandom(22);
        for (int dims : new int[] {1, 2, 5, 64, 127, 130, 1000, 2048, 2049, 5000, 17000}) {
            for (ElementType type : ElementType.values()) {
                int rows = dims > 2000 ? 2 : 1 + random.nextInt(6);
                float[] student = normal(random, rows * dims);
                float[][] given = new float[random.nextInt(4)][];
                Arrays.setAll(given, k -> normal(random, rows * dims));
                float[][] teachers = through(type, given);
                float[] weight = normal(random, rows * teachers.length);
                if (weight.length > 0) {
                    weight[random.nextInt(weight.length)] = 0;
                }
                float[] gradient = new float[rows * dims];
                double loss;
                try (FeatureMse kernel = new FeatureMse(rows, dims, teachers.length, 1, Implementation.JAVA)) {
                    loss = kernel.lossAndGradient(rows, student, teachers, weight, gradient);
                }
                requireBits(
                        new KlCase.Result(loss, gradient),
                        run.mse(rows, dims, student, teachers, weight, type, type.ordinal()),
                        type + " " + rows + "×" + dims + "×" + teachers.length);
            }
        }
    }

    @Test
    void snapshotsHaveTheBitsOfThePlainKernelWithAndWithoutScale() {
        SplittableRandom random = new SplittableRandom(23);
        for (int count : new int[] {1, 63, 64, 65, 1023, 1024, 5000}) {
            for (int planes = 1; planes <= 4; planes++) {
                int step = random.nextInt(1 << planes);
                int perChannel = 1 + random.nextInt(100);
                float[] scale = normal(random, (count + perChannel - 1) / perChannel);
                float[] weights = normal(random, count);
                byte[] owners = new byte[count];
                for (int i = 0; i < count; i++) {
                    owners[i] = (byte) random.nextInt(1 << planes);
                }
                for (float[] factors : new float[][] {null, scale}) {
                    float[] expected = new float[count];
                    for (int i = 0; i < count; i++) {
                        boolean kept = owners[i] > 0 && owners[i] <= step;
                        expected[i] = !kept ? 0 : factors == null ? weights[i] : weights[i] * factors[i / perChannel];
                    }
                    assertArrayEquals(
                            bits(expected),
                            bits(run.snapshot(weights, owners, planes, step, factors, perChannel)),
                            count + " weights, " + planes + " planes, step " + step
                                    + (factors == null ? "" : ", scaled"));
                }
            }
        }
    }

    private static void requireBits(KlCase.Result expected, KlCase.Result actual, String what) {
        assertEquals(
                Double.doubleToLongBits(expected.loss()),
                Double.doubleToLongBits(actual.loss()),
                () -> what + ": loss " + actual.loss() + ", expected " + expected.loss());
        assertArrayEquals(expected.gradientBits(), actual.gradientBits(), what);
    }

    private static float[][] through(ElementType type, float[][] teachers) {
        float[][] rounded = new float[teachers.length][];
        for (int k = 0; k < teachers.length; k++) {
            rounded[k] = teachers[k].clone();
            for (int i = 0; i < rounded[k].length; i++) {
                rounded[k][i] = DeviceRun.through(type, rounded[k][i]);
            }
        }
        return rounded;
    }

    private static float[] normal(SplittableRandom random, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }
}
