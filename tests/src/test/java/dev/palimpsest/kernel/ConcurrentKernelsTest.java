package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.function.ThrowingSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What other threads do while a kernel computes: call it, close it, close its memory. */
class ConcurrentKernelsTest {
    private static final int ROWS = 32;
    private static final int DIMS = 4096;
    private static final int ROUNDS = 60;

    static List<Variant> variants() {
        return Variant.all().stream().filter(variant -> variant.threads() < 3).toList();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void threadsThatShareAKernelGetWhatOneGets(Variant variant) throws Exception {
        List<KlCase> cases = new ArrayList<>();
        List<KlCase.Result> expected = new ArrayList<>();
        List<ClassRange> ranges = List.of(new ClassRange(0, 40), new ClassRange(5, 30));
        for (int i = 0; i < 4; i++) {
            cases.add(KlCase.random(40 + i, 3 + i, 40, 2, ranges.toArray(ClassRange[]::new)));
            expected.add(cases.get(i).run(variant));
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(4);
                MultiTeacherKl kernel =
                        new MultiTeacherKl(8, 40, ranges, variant.threads(), variant.implementation())) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                KlCase input = cases.get(i);
                KlCase.Result right = expected.get(i);
                all.add(threads.submit(() -> {
                    for (int round = 0; round < ROUNDS; round++) {
                        float[] gradient = new float[input.rows() * 40];
                        double loss = kernel.lossAndGradient(
                                input.rows(), 2, input.student(), input.teachers(), input.weight(), gradient);
                        assertEquals(right.loss(), loss);
                        assertArrayEquals(right.gradient(), gradient);
                    }
                }));
            }
            for (Future<?> each : all) {
                each.get();
            }
        }
    }

    /** Either the arena stays open until the call is done, or the call says what was closed. */
    @ParameterizedTest
    @MethodSource("variants")
    void memoryThatIsClosedDuringACallIsHeldOrMissed(Variant variant) throws Exception {
        int met = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(1);
                Arena own = Arena.ofShared();
                FeatureMse kernel = new FeatureMse(ROWS, DIMS, 1, variant.threads(), variant.implementation())) {
            MemorySegment teacher = own.allocate(4L * ROWS * DIMS, 64);
            MemorySegment weight = own.allocate(4L * ROWS, 64);
            weight.fill((byte) 0x3f);
            MemorySegment gradient = own.allocate(4L * ROWS * DIMS, 64);
            for (int round = 0; round < ROUNDS; round++) {
                Arena shared = Arena.ofShared();
                MemorySegment memory = own.allocate(4L * ROWS * DIMS, 64);
                // What a call would read after the arena closed shows in its loss.
                MemorySegment student = memory.reinterpret(shared, freed -> memory.fill((byte) -1));
                Future<String> call = submit(
                        threads,
                        () -> refusal(() -> assertEquals(
                                0,
                                kernel.lossAndGradient(ROWS, student, new MemorySegment[] {teacher}, weight, gradient),
                                0.0)));
                for (int spin = 0; spin < round * 300; spin++) {
                    Thread.onSpinWait();
                }
                boolean held = !closes(shared);
                boolean missed = !call.get().equals("none");
                met += held || missed ? 1 : 0;
                if (held) {
                    shared.close();
                }
            }
            MemorySegment student = own.allocate(4L * ROWS * DIMS, 64);
            assertEquals(
                    0, kernel.lossAndGradient(ROWS, student, new MemorySegment[] {teacher}, weight, gradient), 0.0);
        }
        assertTrue(met > 0, "no close met a call");
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aKernelThatIsClosedDuringCallsRefusesTheNextOne(Variant variant) throws Exception {
        for (int round = 0; round < 10; round++) {
            SnapshotReconstruction kernel = new SnapshotReconstruction(variant.threads(), variant.implementation());
            try (ExecutorService threads = Executors.newFixedThreadPool(1);
                    Arena arena = Arena.ofShared()) {
                MemorySegment weights = arena.allocate(4L * 100_000, 64);
                MemorySegment planes = arena.allocate(SnapshotReconstruction.planeBytes(100_000, 3), 64);
                Future<String> calls = submit(threads, () -> {
                    String refusal = "none";
                    while (refusal.equals("none")) {
                        refusal = refusal(() -> kernel.apply(100_000, weights, planes, 3, 1, null, 0, weights));
                    }
                    return refusal;
                });
                Thread.sleep(2);
                kernel.close();
                assertEquals("this kernel is closed", calls.get());
            }
        }
    }

    private static Future<String> submit(ExecutorService threads, ThrowingSupplier<String> call) {
        CompletableFuture<String> result = new CompletableFuture<>();
        threads.execute(() -> {
            try {
                result.complete(call.get());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }

    private static boolean closes(Arena arena) {
        try {
            arena.close();
            return true;
        } catch (IllegalStateException e) {
            return false; // held by the call
        }
    }

    /** "none", or how a call was refused, of which only these ways are right. */
    private static String refusal(Executable call) throws Throwable {
        try {
            call.execute();
            return "none";
        } catch (IllegalStateException e) {
            assertTrue(
                    e.getMessage().equals("this kernel is closed")
                            || e.getMessage()
                                    .matches("student of \\d+ bytes was closed while the kernel ran: keep its"
                                            + " arena open until the call returns"),
                    e.toString());
            return e.getMessage();
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().startsWith("student is closed"), e.toString());
            return e.getMessage();
        }
    }
}
