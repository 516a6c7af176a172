package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.Kernels.Implementation;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What callers of the C interface can get wrong in a struct, field by field: the library answers
 * PALIMPSEST_INVALID_ARGUMENT where it can know, and computes what is right.
 */
class NativeInterfaceTest {
    private static final int OK = 0;
    private static final int INVALID = 1;
    private static final int UNSUPPORTED = 2;
    private static final long[] NO_SIZE = {-1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE / 4};

    private final Arena arena = Arena.ofShared();
    private final MemorySegment floats = zeros(4096);
    private final MemorySegment scratch = arena.allocate(1 << 16, 64);
    private final MemorySegment rowLoss = arena.allocate(64, 8);

    @AfterEach
    void close() {
        arena.close();
    }

    private MemorySegment zeros(int count) {
        return arena.allocate(4L * count, 64);
    }

    private MemorySegment longs(long... values) {
        return arena.allocateFrom(JAVA_LONG, values);
    }

    /** Arguments that are right; 0 stands for null. */
    private Map<String, Object> multiTeacherKl() {
        Map<String, Object> right = new LinkedHashMap<>();
        right.put("rows", 3L);
        right.put("classes", 5L);
        right.put("teachers", 2L);
        right.put("temperature", 2.0);
        right.put("student", floats);
        right.put("student_stride", 5L);
        right.put("teacher", longs(floats.address(), floats.address()));
        right.put("teacher_stride", longs(5, 3));
        right.put("class_begin", longs(0, 2));
        right.put("class_end", longs(5, 5));
        right.put("weight", floats);
        right.put("weight_stride", 2L);
        right.put("gradient", zeros(15));
        right.put("gradient_stride", 5L);
        return right;
    }

    private Map<String, Object> featureMse() {
        Map<String, Object> right = new LinkedHashMap<>(multiTeacherKl());
        right.keySet().removeAll(Set.of("classes", "temperature", "class_begin", "class_end"));
        right.put("dims", 5L);
        right.put("teacher_stride", longs(5, 5));
        return right;
    }

    private Map<String, Object> snapshotReconstruction() {
        Map<String, Object> right = new LinkedHashMap<>();
        right.put("count", 100L);
        right.put("weights", floats);
        right.put("planes", longs(1, 2, 3, 4));
        right.put("plane_count", 2L);
        right.put("step", 1L);
        right.put("channel_scale", floats);
        right.put("weights_per_channel", 10L);
        right.put("out", zeros(100));
        return right;
    }

    private Map<String, Object> batchNorm(long pass) {
        Map<String, Object> right = new LinkedHashMap<>();
        right.put("pass", pass);
        right.put("images", 2L);
        right.put("channels", 8L);
        right.put("width", 8L);
        right.put("positions", 4L);
        for (String name : new String[] {
            "x", "residual", "relu_scale", "relu_shift", "gradient", "mean", "first", "second", "third"
        }) {
            right.put(name, floats);
        }
        right.put("relu", 1L);
        right.put("out", zeros(64));
        right.put("sums", zeros(32));
        return right;
    }

    private Map<String, Object> elementwise(long operation) {
        Map<String, Object> right = new LinkedHashMap<>();
        right.put("operation", operation);
        right.put("count", 20L);
        right.put("a", floats);
        right.put("b", floats);
        right.put("out", zeros(20));
        right.put("terms", 2L);
        right.put("stride", 20L);
        return right;
    }

    private Map<String, Object> winograd(long pass) {
        Map<String, Object> right = new LinkedHashMap<>();
        right.put("pass", pass);
        right.put("images", 2L);
        right.put("inputs", 16L);
        right.put("outputs", 32L);
        right.put("height", 2L);
        right.put("width", 3L);
        right.put("flipped", 0L);
        right.put("part", 2L);
        MemorySegment from = zeros(9 * 16 * 32);
        for (String name : new String[] {"x", "gradient", "bias", "residual"}) {
            right.put(name, from);
        }
        right.put("transformed", zeros(16 * 16 * 32));
        right.put("relu", 1L);
        right.put("out", zeros(16 * 16 * 32));
        right.put("scratch", arena.allocate(1L << 20, 64));
        return right;
    }

    private MemorySegment struct(String kernel, Map<String, Object> values) {
        NativeStruct struct = NativeLibrary.struct("palimpsest_" + kernel + "_args");
        MemorySegment memory = struct.allocate(arena);
        values.forEach((name, value) -> {
            switch (value) {
                case Double real -> struct.field(name).setDouble(memory, real);
                case MemorySegment pointer -> struct.field(name).set(memory, pointer.address());
                default -> struct.field(name).set(memory, (Long) value);
            }
        });
        return memory;
    }

    private int rows(String kernel, int isa, MemorySegment args, long begin, long end, long to, long losses) {
        MethodHandle function = NativeLibrary.function(
                kernel, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
        try {
            return (int) function.invokeExact(isa, args, begin, end, to, losses);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static int range(String kernel, int isa, MemorySegment args, long begin, long end) {
        MethodHandle function = NativeLibrary.function(
                kernel, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
        try {
            return (int) function.invokeExact(isa, args, begin, end);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private interface Call {
        int with(int isa, MemorySegment args);
    }

    /** Each field null, misaligned, negative or huge, except where that is allowed or not looked at. */
    private Stream<DynamicTest> fields(String kernel, Map<String, Object> right, Set<String> free, Call call) {
        return right.keySet().stream()
                .filter(field -> !free.contains(field))
                .map(field -> DynamicTest.dynamicTest(kernel + " " + field, () -> {
                    for (Implementation implementation : Kernels.available()) {
                        if (implementation != Implementation.JAVA) {
                            assertEquals(OK, call.with(implementation.isa(), struct(kernel, right)));
                            for (Object wrong : wrong(right.get(field))) {
                                Map<String, Object> values = new LinkedHashMap<>(right);
                                values.put(field, wrong);
                                assertEquals(
                                        INVALID,
                                        call.with(implementation.isa(), struct(kernel, values)),
                                        implementation + " " + field + " " + wrong);
                            }
                        }
                    }
                }));
    }

    private static Object[] wrong(Object right) {
        return switch (right) {
            case Double real -> new Object[] {0.0, -1.0, Double.NaN, Double.POSITIVE_INFINITY, 1e-31, 1e31};
            case MemorySegment pointer -> new Object[] {0L, pointer.address() + 1, pointer.address() + 2};
            default -> new Object[] {NO_SIZE[0], NO_SIZE[1], NO_SIZE[2], NO_SIZE[3]};
        };
    }

    @TestFactory
    Stream<DynamicTest> structs() {
        Call kl = (isa, args) -> rows("multi_teacher_kl", isa, args, 0, 3, scratch.address(), rowLoss.address());
        Call mse = (isa, args) -> rows("feature_mse", isa, args, 0, 3, scratch.address(), rowLoss.address());
        Call snapshot = (isa, args) -> range("snapshot_reconstruction", isa, args, 0, 2);
        Call norm = (isa, args) -> range("batch_norm", isa, args, 0, 2);
        Call each = (isa, args) -> range("elementwise", isa, args, 0, 20);
        Call convolution = (isa, args) -> range("winograd", isa, args, 0, 1);
        return Stream.of(
                        fields("multi_teacher_kl", multiTeacherKl(), Set.of(), kl),
                        fields("feature_mse", featureMse(), Set.of(), mse),
                        fields(
                                "snapshot_reconstruction",
                                snapshotReconstruction(),
                                Set.of("channel_scale", "weights_per_channel"),
                                snapshot),
                        fields(
                                "batch_norm",
                                batchNorm(1),
                                Set.of("gradient", "mean", "third", "relu", "residual", "relu_scale", "sums"),
                                norm),
                        fields(
                                "batch_norm",
                                batchNorm(3),
                                Set.of("relu", "residual", "relu_scale", "second", "sums"),
                                norm),
                        fields("elementwise", elementwise(0), Set.of("terms", "stride"), each),
                        fields("elementwise", elementwise(4), Set.of("b"), each),
                        fields(
                                "winograd",
                                winograd(1),
                                Set.of("flipped", "part", "gradient", "bias", "residual", "relu"),
                                convolution),
                        fields(
                                "winograd",
                                winograd(2),
                                Set.of("flipped", "transformed", "bias", "residual", "relu"),
                                convolution))
                .flatMap(tests -> tests);
    }

    @Test
    void arraysOfTheStructAndWhatStandsBesideItAreChecked() {
        Map<String, Map<String, Object>> wrong = new LinkedHashMap<>();
        MemorySegment of = floats;
        wrong.put("a null teacher", Map.of("teacher", longs(of.address(), 0)));
        wrong.put("a misaligned teacher", Map.of("teacher", longs(of.address() + 1, of.address())));
        wrong.put("a negative teacher stride", Map.of("teacher_stride", longs(5, -3)));
        wrong.put("a huge teacher stride", Map.of("teacher_stride", longs(5, Long.MAX_VALUE)));
        wrong.put("a range before the classes", Map.of("class_begin", longs(-1, 2)));
        wrong.put("an empty range", Map.of("class_begin", longs(0, 5)));
        wrong.put("a range behind the classes", Map.of("class_end", longs(6, 5)));
        wrong.put("gradients that share memory", Map.of("gradient_stride", 4L));
        wrong.put("a negative weight stride", Map.of("weight_stride", -2L));
        long scratchAt = scratch.address();
        long lossAt = rowLoss.address();
        for (Implementation implementation : Kernels.available()) {
            int isa = implementation.isa();
            if (isa < 0) {
                continue;
            }
            wrong.forEach((what, values) -> {
                Map<String, Object> all = new LinkedHashMap<>(multiTeacherKl());
                all.putAll(values);
                MemorySegment args = struct("multi_teacher_kl", all);
                assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 0, 3, scratchAt, lossAt), what);
            });
            MemorySegment args = struct("multi_teacher_kl", multiTeacherKl());
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 0, 3, 0, lossAt));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 0, 3, scratchAt + 4, lossAt));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 0, 3, scratchAt, 0));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 0, 3, scratchAt, lossAt + 4));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, -1, 3, scratchAt, lossAt));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 2, 1, scratchAt, lossAt));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, args, 0, 4, scratchAt, lossAt));
            assertEquals(INVALID, rows("multi_teacher_kl", isa, MemorySegment.NULL, 0, 3, scratchAt, lossAt));
            assertEquals(OK, rows("multi_teacher_kl", isa, args, 0, 3, scratchAt, lossAt));
            assertEquals(INVALID, range("elementwise", isa, MemorySegment.NULL, 0, 0));
        }
        MemorySegment args = struct("multi_teacher_kl", multiTeacherKl());
        assertEquals(UNSUPPORTED, rows("multi_teacher_kl", -1, args, 0, 3, scratchAt, lossAt));
        assertEquals(UNSUPPORTED, rows("multi_teacher_kl", 99, args, 0, 3, scratchAt, lossAt));
    }

    @Test
    void scratchOfSizesThatOverflowIsRefused() {
        MethodHandle kl = NativeLibrary.function("multi_teacher_kl_scratch", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
        MethodHandle mse = NativeLibrary.function("feature_mse_scratch", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
        for (long size : NO_SIZE) {
            Map<String, Object> many = new LinkedHashMap<>(featureMse());
            many.put("teachers", size);
            assertEquals(-1, bytes(mse, struct("feature_mse", many)), "teachers " + size);
            Map<String, Object> wide = new LinkedHashMap<>(multiTeacherKl());
            wide.put("classes", size);
            wide.put("class_end", longs(Math.max(1, size), 5));
            assertEquals(-1, bytes(kl, struct("multi_teacher_kl", wide)), "classes " + size);
        }
        Map<String, Object> without = new LinkedHashMap<>(multiTeacherKl());
        without.put("class_begin", 0L);
        assertEquals(-1, bytes(kl, struct("multi_teacher_kl", without)));
        assertEquals(-1, bytes(kl, MemorySegment.NULL));
        assertEquals(-1, bytes(mse, MemorySegment.NULL));
        assertTrue(bytes(kl, struct("multi_teacher_kl", multiTeacherKl())) > 0);
    }

    private static long bytes(MethodHandle scratch, MemorySegment args) {
        try {
            return (long) scratch.invokeExact(args);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
