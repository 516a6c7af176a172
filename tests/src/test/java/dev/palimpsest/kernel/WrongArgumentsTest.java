package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.palimpsest.kernel.Kernels.Implementation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * Every entry point gets every wrong argument in the place of each of its own: all implementations refuse it with the
 * same exception, whose sentence has values, and compute what they should afterwards.
 */
class WrongArgumentsTest {
    private static final int ROWS = 5;
    private static final int CLASSES = 7;
    private static final int COUNT = 100;
    private static final List<ClassRange> RANGES = List.of(new ClassRange(0, 7), new ClassRange(2, 5));
    private static final int[] SIZES = {7, 3};

    private Arena arena;
    private MemorySegment strangers;
    private MemorySegment closed;

    @BeforeEach
    void allocate() throws InterruptedException {
        arena = Arena.ofShared();
        try (Arena temporary = Arena.ofShared()) {
            closed = temporary.allocate(4096, 64);
        }
        Thread thread = new Thread(() -> strangers = Arena.ofConfined().allocate(64, 64));
        thread.start();
        thread.join();
    }

    @AfterEach
    void free() {
        arena.close();
    }

    /** What may come in the place of memory that must have so many bytes and must not overlap the other. */
    private Map<String, MemorySegment> wrong(long bytes, MemorySegment other, boolean written) {
        Map<String, MemorySegment> wrong = new LinkedHashMap<>();
        wrong.put("null", null);
        wrong.put("nothing", MemorySegment.NULL);
        wrong.put("too small", arena.allocate(bytes - 4, 64));
        wrong.put("too small array", MemorySegment.ofArray(new float[(int) bytes / 4 - 1]));
        wrong.put("closed", closed.byteSize() > bytes ? closed.asSlice(0, bytes) : closed);
        wrong.put("misaligned by 1", arena.allocate(bytes + 64, 64).asSlice(1, bytes));
        wrong.put("misaligned by 2", arena.allocate(bytes + 64, 64).asSlice(2, bytes));
        if (other != null) {
            wrong.put("overlapping", other);
        }
        if (written) {
            wrong.put("read-only", arena.allocate(bytes, 64).asReadOnly());
            wrong.put(
                    "read-only array",
                    MemorySegment.ofArray(new float[(int) bytes / 4]).asReadOnly());
        }
        return wrong;
    }

    private MemorySegment memory(int seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        MemorySegment memory = arena.allocate(count * 4L, 64);
        for (int i = 0; i < count; i++) {
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return memory;
    }

    /** Each name's refusal, of which there must be one. */
    private static Map<String, String> refusals(Map<String, Executable> calls) {
        Map<String, String> refusals = new TreeMap<>();
        calls.forEach((name, call) -> {
            try {
                call.execute();
            } catch (IllegalArgumentException | NullPointerException | UnsupportedOperationException e) {
                assertNotNull(e.getMessage(), name);
                assertTrue(
                        e.getMessage().matches(".*(\\d|null|read-only|overlaps|closed).*expected.*")
                                || e.getMessage().matches(".*\\d.*"),
                        name + ": " + e.getMessage());
                refusals.put(name, e.getClass().getSimpleName() + ": " + e.getMessage());
                return;
            } catch (Throwable e) {
                throw new AssertionError(name + " is refused in another way: " + e, e);
            }
            fail(name + " is taken");
        });
        return refusals;
    }

    private static void assertAllRefuse(List<Map<String, String>> refusals, int atLeast) {
        assertTrue(
                refusals.getFirst().size() >= atLeast,
                refusals.getFirst().keySet().toString());
        for (Map<String, String> each : refusals) {
            assertEquals(refusals.getFirst(), each);
        }
    }

    @Test
    void multiTeacherKl() {
        List<Map<String, String>> refusals = new ArrayList<>();
        for (Implementation implementation : Kernels.available()) {
            for (int threads : new int[] {1, 2}) {
                try (MultiTeacherKl kernel = new MultiTeacherKl(ROWS, CLASSES, RANGES, threads, implementation)) {
                    refusals.add(rowRefusals(
                            CLASSES,
                            SIZES,
                            (rows, m) -> kernel.lossAndGradient(rows, 2, m[0], teachers(m), m[1], m[2])));
                    refusals.getLast().putAll(refusals(temperatures(kernel)));
                    refusals.getLast().putAll(refusals(arrays(kernel)));
                }
            }
        }
        assertAllRefuse(refusals, 60);
    }

    private static MemorySegment[] teachers(MemorySegment[] memory) {
        return Arrays.copyOfRange(memory, 3, memory.length);
    }

    private interface RowCall {
        double of(int rows, MemorySegment[] memory);
    }

    /** Student, weight, gradient and teachers are wrong one after another; between refusals the call does its work. */
    private Map<String, String> rowRefusals(int columns, int[] teacherColumns, RowCall call) {
        MemorySegment[] right = new MemorySegment[3 + teacherColumns.length];
        int[] width = new int[right.length];
        String[] names = new String[right.length];
        for (int i = 0; i < right.length; i++) {
            names[i] = i < 3 ? List.of("student", "weight", "gradient").get(i) : "teacher " + (i - 3);
            width[i] = i == 1 ? teacherColumns.length : i < 3 ? columns : teacherColumns[i - 3];
            right[i] = memory(i, ROWS * width[i]);
        }
        double loss = call.of(ROWS, right);
        assertTrue(loss != 0 && !Double.isNaN(loss));
        Map<String, Executable> calls = new LinkedHashMap<>();
        for (int i = 0; i < right.length; i++) {
            int place = i;
            wrong(ROWS * width[i] * 4L, i == 2 ? null : right[2], i == 2).forEach((how, memory) -> {
                MemorySegment[] memories = right.clone();
                memories[place] = memory;
                calls.put(names[place] + " " + how, () -> call.of(ROWS, memories));
            });
        }
        for (int rows : new int[] {0, -1, ROWS + 1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            calls.put("rows " + rows, () -> call.of(rows, right));
        }
        calls.put("teacher missing", () -> call.of(ROWS, Arrays.copyOf(right, right.length - 1)));
        calls.put("teacher too many", () -> {
            MemorySegment[] more = Arrays.copyOf(right, right.length + 1);
            more[right.length] = right[0];
            call.of(ROWS, more);
        });
        Map<String, String> refusals = refusals(calls);
        assertEquals(loss, call.of(ROWS, right));
        return refusals;
    }

    private Map<String, Executable> temperatures(MultiTeacherKl kernel) {
        Map<String, Executable> calls = new LinkedHashMap<>();
        MemorySegment[] m = {memory(1, 35), memory(2, 10), memory(3, 35), memory(4, 35), memory(5, 15)};
        for (float t : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY, Float.MIN_VALUE, Float.MAX_VALUE}) {
            calls.put("temperature " + t, () -> kernel.lossAndGradient(ROWS, t, m[0], teachers(m), m[1], m[2]));
        }
        calls.put("teachers null", () -> kernel.lossAndGradient(ROWS, 2, m[0], null, m[1], m[2]));
        return calls;
    }

    private static Map<String, Executable> arrays(MultiTeacherKl kernel) {
        float[] of35 = new float[35];
        float[] of15 = new float[15];
        float[] of10 = new float[10];
        float[] gradient = new float[35];
        float[][] teachers = {of35, of15};
        Map<String, Executable> calls = new LinkedHashMap<>();
        calls.put("array student null", () -> kernel.lossAndGradient(5, 2, null, teachers, of10, gradient));
        calls.put("array teachers null", () -> kernel.lossAndGradient(5, 2, of35, null, of10, gradient));
        calls.put("array teacher null", () -> kernel.lossAndGradient(5, 2, of35, new float[2][], of10, gradient));
        calls.put("array weight null", () -> kernel.lossAndGradient(5, 2, of35, teachers, null, gradient));
        calls.put("array gradient null", () -> kernel.lossAndGradient(5, 2, of35, teachers, of10, null));
        calls.put("array student short", () -> kernel.lossAndGradient(5, 2, of15, teachers, of10, gradient));
        calls.put("array gradient short", () -> kernel.lossAndGradient(5, 2, of35, teachers, of10, of15));
        calls.put("array student is gradient", () -> kernel.lossAndGradient(5, 2, of35, teachers, of10, of35));
        calls.put(
                "array teacher is gradient",
                () -> kernel.lossAndGradient(5, 2, new float[35], new float[][] {gradient, of15}, of10, gradient));
        calls.put(
                "array weight is gradient",
                () -> kernel.lossAndGradient(5, 2, new float[35], new float[][] {of35, of15}, gradient, gradient));
        return calls;
    }

    @Test
    void featureMse() {
        List<Map<String, String>> refusals = new ArrayList<>();
        for (Implementation implementation : Kernels.available()) {
            for (int threads : new int[] {1, 2}) {
                try (FeatureMse kernel = new FeatureMse(ROWS, CLASSES, 2, threads, implementation)) {
                    refusals.add(rowRefusals(
                            CLASSES,
                            new int[] {CLASSES, CLASSES},
                            (rows, m) -> kernel.lossAndGradient(rows, m[0], teachers(m), m[1], m[2])));
                }
            }
        }
        assertAllRefuse(refusals, 45);
    }

    @Test
    void sizesThatNoMemoryHas() {
        int[] sizes = {Integer.MIN_VALUE, -1, 0, 1 << 30, Integer.MAX_VALUE};
        List<Map<String, String>> refusals = new ArrayList<>();
        for (Implementation implementation : Kernels.available()) {
            Map<String, Executable> calls = new LinkedHashMap<>();
            for (int size : sizes) {
                List<ClassRange> all = List.of(new ClassRange(0, Math.max(1, size)));
                calls.put("kl rows " + size, () -> kl(size, 10, List.of(), 1, implementation));
                calls.put("kl classes " + size, () -> kl(1, size, all, 1, implementation));
                calls.put("kl both " + size, () -> kl(size, size, all, 1, implementation));
                calls.put("kl range " + size, () -> kl(1, 1, List.of(new ClassRange(0, size)), 1, implementation));
                calls.put("kl threads " + size, () -> kl(1, 1, List.of(), size, implementation));
                calls.put("mse rows " + size, () -> mse(size, 10, 2, 1, implementation));
                calls.put("mse dims " + size, () -> mse(1, size, 2, 1, implementation));
                calls.put("mse all " + size, () -> mse(size, size, size, 1, implementation));
                calls.put("mse threads " + size, () -> mse(1, 1, 1, size, implementation));
                calls.put("snapshot threads " + size, () -> new SnapshotReconstruction(size, implementation));
            }
            calls.put("kl 10,000 threads", () -> kl(1, 1, List.of(), 10_000, implementation));
            refusals.add(refusals(calls));
        }
        assertAllRefuse(refusals, 50);
    }

    private static void kl(int rows, int classes, List<ClassRange> ranges, int threads, Implementation by) {
        new MultiTeacherKl(rows, classes, ranges, threads, by).close();
    }

    private static void mse(int rows, int dims, int teachers, int threads, Implementation by) {
        new FeatureMse(rows, dims, teachers, threads, by).close();
    }

    @Test
    void snapshotReconstruction() {
        List<Map<String, String>> refusals = new ArrayList<>();
        for (Implementation implementation : Kernels.available()) {
            try (SnapshotReconstruction kernel = new SnapshotReconstruction(2, implementation)) {
                Map<String, Executable> calls = new LinkedHashMap<>();
                MemorySegment weights = memory(1, COUNT);
                MemorySegment planes = arena.allocate(48, 64);
                planes.fill((byte) 0x5a);
                MemorySegment scale = memory(2, 10);
                MemorySegment out = arena.allocate(4L * COUNT, 64);
                kernel.apply(COUNT, weights, planes, 3, 4, scale, 10, out);
                float[] expected = out.toArray(ValueLayout.JAVA_FLOAT);
                wrong(4 * COUNT, out.asSlice(4), false)
                        .forEach((how, memory) -> calls.put(
                                "weights " + how, () -> kernel.apply(COUNT, memory, planes, 3, 4, scale, 10, out)));
                wrong(48, out, false)
                        .forEach((how, memory) -> calls.put(
                                "planes " + how, () -> kernel.apply(COUNT, weights, memory, 3, 4, scale, 10, out)));
                wrong(40, out, false).forEach((how, memory) -> {
                    if (memory != null) {
                        calls.put("scale " + how, () -> kernel.apply(COUNT, weights, planes, 3, 4, memory, 10, out));
                    }
                });
                wrong(4 * COUNT, null, true)
                        .forEach((how, memory) -> calls.put(
                                "out " + how, () -> kernel.apply(COUNT, weights, planes, 3, 4, scale, 10, memory)));
                for (long count : new long[] {-1, 101, 1L << 60, Long.MAX_VALUE, Long.MAX_VALUE - 62, Long.MIN_VALUE}) {
                    calls.put("count " + count, () -> kernel.apply(count, weights, planes, 3, 4, scale, 10, out));
                    calls.put(
                            "bytes " + (count == 101 ? -2 : count),
                            () -> SnapshotReconstruction.planeBytes(
                                    count == 101 ? -2 : count, count == 1L << 60 ? 9 : 8));
                }
                for (int planeCount : new int[] {Integer.MIN_VALUE, 0, 9, 64, Integer.MAX_VALUE}) {
                    calls.put(
                            "planes " + planeCount,
                            () -> kernel.apply(COUNT, weights, planes, planeCount, 0, scale, 10, out));
                }
                for (int step : new int[] {-1, 8, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                    calls.put("step " + step, () -> kernel.apply(COUNT, weights, planes, 3, step, scale, 10, out));
                }
                for (long each : new long[] {0, -1, 9, Long.MIN_VALUE}) {
                    calls.put("each " + each, () -> kernel.apply(COUNT, weights, planes, 3, 4, scale, each, out));
                }
                refusals.add(refusals(calls));
                kernel.apply(COUNT, weights, planes, 3, 4, scale, 10, out);
                assertEquals(MemorySegment.ofArray(expected).mismatch(out), -1);
                kernel.apply(COUNT, weights, planes, 3, 4, scale, Long.MAX_VALUE, out);
                for (int i = 0; i < COUNT; i++) {
                    float factor = scale.getAtIndex(ValueLayout.JAVA_FLOAT, 0);
                    float value = out.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    float weight = weights.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    assertTrue(value == 0 || value == weight * factor, implementation + " weight " + i);
                }
            }
        }
        assertAllRefuse(refusals, 55);
    }

    @Test
    void packing() {
        Map<String, Executable> calls = new LinkedHashMap<>();
        byte[] codes = new byte[COUNT];
        wrong(48, null, true)
                .forEach(
                        (how, memory) -> calls.put("pack " + how, () -> SnapshotReconstruction.pack(codes, 3, memory)));
        wrong(48, null, false)
                .forEach((how, memory) ->
                        calls.put("unpack " + how, () -> SnapshotReconstruction.unpack(COUNT, 3, memory)));
        MemorySegment planes = arena.allocate(48, 64);
        for (int count : new int[] {-1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            calls.put("unpack " + count, () -> SnapshotReconstruction.unpack(count, 3, planes));
        }
        for (int planeCount : new int[] {-1, 0, 9}) {
            calls.put("pack in " + planeCount, () -> SnapshotReconstruction.pack(codes, planeCount, planes));
            calls.put("unpack of " + planeCount, () -> SnapshotReconstruction.unpack(COUNT, planeCount, planes));
        }
        for (int steps : new int[] {-1, 256, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            calls.put("steps " + steps, () -> SnapshotReconstruction.planesFor(steps));
        }
        codes[7] = -1;
        planes.fill((byte) 1);
        calls.put("code", () -> SnapshotReconstruction.pack(codes, 3, planes));
        assertEquals(calls.size(), refusals(calls).size());
        assertEquals(1, planes.get(ValueLayout.JAVA_BYTE, 0), "a refused call changes nothing");
    }

    /** Arrays of other types, memory without room to spare, and more arenas than C's calls hold open. */
    @Test
    void unusualMemoryThatIsRightGivesTheSameBits() {
        for (Implementation implementation : Kernels.available()) {
            for (int threads : new int[] {1, 3}) {
                List<ClassRange> ranges = Collections.nCopies(20, new ClassRange(0, CLASSES));
                try (MultiTeacherKl kernel = new MultiTeacherKl(ROWS, CLASSES, ranges, threads, implementation)) {
                    MemorySegment student = memory(1, 35);
                    MemorySegment weight = memory(2, 100);
                    MemorySegment[] plain = new MemorySegment[20];
                    MemorySegment[] apart = new MemorySegment[20];
                    List<Arena> arenas = new ArrayList<>();
                    for (int k = 0; k < 20; k++) {
                        plain[k] = memory(3 + k, 35);
                        arenas.add(k % 2 == 0 ? Arena.ofShared() : Arena.ofConfined());
                        apart[k] = k == 5
                                ? MemorySegment.ofArray(new byte[140]).copyFrom(plain[k])
                                : arenas.getLast().allocate(140, 4).copyFrom(plain[k]);
                    }
                    MemorySegment gradient = arena.allocate(140, 4);
                    MemorySegment other = MemorySegment.ofArray(new double[18]);
                    double loss = kernel.lossAndGradient(ROWS, 2, student, plain, weight, gradient);
                    assertEquals(loss, kernel.lossAndGradient(ROWS, 2, student, apart, weight, other));
                    assertEquals(-1, gradient.mismatch(other.asSlice(0, 140)));
                    arenas.forEach(Arena::close);
                }
            }
        }
    }

    @Test
    void memoryOfAnotherThreadIsRefused() {
        for (Implementation implementation : Kernels.available()) {
            try (FeatureMse kernel = new FeatureMse(1, 4, 0, 1, implementation)) {
                String why = refusals(Map.of(
                                "student",
                                () -> kernel.lossAndGradient(
                                        1, strangers, new MemorySegment[0], memory(1, 1), memory(2, 4))))
                        .get("student");
                assertTrue(why.contains("student is closed, of another thread"), why);
            }
        }
    }
}
