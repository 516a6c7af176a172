package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.kernel.Kernels.Implementation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Steady-state calls allocate nothing on the Java heap, on any thread of the team. */
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int CALLS = 1000;
    private static final int MOST_ROUNDS = 300;

    static List<Variant> variants() {
        return Variant.all().stream()
                .filter(variant -> variant.threads() < 3 && variant.implementation() != Implementation.BASELINE)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void kernelsAllocateNothing(Variant variant) {
        List<ClassRange> ranges = List.of(new ClassRange(0, 20), new ClassRange(5, 20));
        try (Arena arena = Arena.ofShared();
                MultiTeacherKl kl = new MultiTeacherKl(8, 20, ranges, variant.threads(), variant.implementation());
                FeatureMse mse = new FeatureMse(8, 20, 2, variant.threads(), variant.implementation());
                SnapshotReconstruction snapshot =
                        new SnapshotReconstruction(variant.threads(), variant.implementation())) {
            MemorySegment student = arena.allocate(8 * 20 * 4, 64);
            MemorySegment[] teachers = {arena.allocate(8 * 20 * 4, 64), arena.allocate(8 * 20 * 4, 64)};
            MemorySegment weight = arena.allocate(8 * 2 * 4, 64);
            weight.fill((byte) 0x3f);
            MemorySegment gradient = arena.allocate(8 * 20 * 4, 64);
            MemorySegment planes = arena.allocate(SnapshotReconstruction.planeBytes(160, 2), 64);
            Runnable all = () -> {
                kl.lossAndGradient(8, 2, student, teachers, weight, gradient);
                mse.lossAndGradient(8, student, teachers, weight, gradient);
                snapshot.apply(160, student, planes, 2, 1, null, 0, gradient);
            };
            // Compiled code is the steady state; how soon it is there depends on how busy the machine is.
            long least = Long.MAX_VALUE;
            for (int round = 0; round < MOST_ROUNDS && least >= 8L * CALLS; round++) {
                least = Math.min(least, bytesOf(all));
            }
            // Measuring allocates a little itself, far below one small object a call.
            assertTrue(least < 8L * CALLS, variant + ": " + least + " bytes in " + CALLS + " calls");
        }
    }

    private static long bytesOf(Runnable call) {
        long[] threads = threads();
        long before = allocatedBy(threads);
        for (int i = 0; i < CALLS; i++) {
            call.run();
        }
        return allocatedBy(threads) - before;
    }

    /** This thread and the teams' threads. */
    private static long[] threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread ->
                        thread == Thread.currentThread() || thread.getName().startsWith("palimpsest-kernel-"))
                .mapToLong(Thread::threadId)
                .toArray();
    }

    private static long allocatedBy(long[] threads) {
        return Arrays.stream(THREADS.getThreadAllocatedBytes(threads)).sum();
    }
}
