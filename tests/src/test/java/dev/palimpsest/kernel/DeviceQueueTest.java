package dev.palimpsest.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.CudaFeatureMse;
import dev.palimpsest.cuda.CudaMultiTeacherKl;
import dev.palimpsest.cuda.CudaSnapshotReconstruction;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.cuda.DeviceMatrix;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.kernel.Kernels.Implementation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * How the kernels' calls behave towards the host: they queue, and neither wait nor allocate, and a CUDA graph can hold
 * them.
 */
@Tag("device")
class DeviceQueueTest {
    private static final int ROWS = 5;
    private static final int CLASSES = 300;

    private final KlCase first = KlCase.random(1, ROWS, CLASSES, 2, new ClassRange(0, CLASSES), new ClassRange(7, 120));
    private final KlCase second =
            KlCase.random(2, ROWS, CLASSES, 2, new ClassRange(0, CLASSES), new ClassRange(7, 120));
    private DeviceRun run;
    private DeviceRun.Rows student;
    private DeviceRun.Rows weight;
    private DeviceRun.Rows gradient;
    private DeviceBuffer loss;
    private CudaMultiTeacherKl kernel;

    @BeforeEach
    void open() {
        run = new DeviceRun();
        student = run.rows(first.student(), ROWS, CLASSES, 0, ElementType.FLOAT32);
        weight = run.rows(first.weight(), ROWS, 2, 0, ElementType.FLOAT32);
        gradient = run.rows(null, ROWS, CLASSES, 0, ElementType.FLOAT32);
        loss = run.allocate(8);
        kernel = new CudaMultiTeacherKl(
                run.device, run.device.compute(), ROWS, CLASSES, first.ranges(), ElementType.FLOAT32);
    }

    @AfterEach
    void close() {
        kernel.close();
        run.close();
    }

    private DeviceMatrix[] teachers(KlCase input) {
        return new DeviceMatrix[] {
            run.rows(input.teachers()[0], ROWS, CLASSES, 0, ElementType.FLOAT32).matrix(),
            run.rows(input.teachers()[1], ROWS, 113, 0, ElementType.FLOAT32).matrix()
        };
    }

    private void queue(DeviceMatrix[] teachers) {
        kernel.lossAndGradient(ROWS, 2, student.matrix(), teachers, weight.matrix(), gradient.matrix(), loss.address());
    }

    private void requireResultOf(KlCase input) {
        KlCase.Result expected = input.run(new Variant(Implementation.JAVA, 1));
        assertEquals(expected.loss(), run.download(loss));
        assertArrayEquals(expected.gradientBits(), new KlCase.Result(0, run.download(gradient)).gradientBits());
    }

    @Test
    void teachersMayMoveBetweenCallsWithoutAWait() {
        DeviceMatrix[] here = teachers(first);
        KlCase moved = new KlCase(ROWS, CLASSES, first.ranges(), 2, first.student(), second.teachers(), first.weight());
        DeviceMatrix[] there = teachers(second);
        queue(here);
        queue(there);
        requireResultOf(moved);
        queue(here);
        requireResultOf(first);
    }

    @Test
    void aCallAllocatesNothingAndNeverWaits() {
        DeviceMatrix[] teachers = teachers(first);
        DeviceMatrix[] others = teachers(second);
        DeviceMatrix features = student.matrix();
        DeviceMatrix[] none = {};
        DeviceBuffer planes = run.upload(Arena.ofAuto().allocate(64, 8));
        DeviceMatrix all = weight.matrix();
        DeviceMatrix out = gradient.matrix();
        long lossAddress = loss.address();
        long planesAddress = planes.address();
        try (CudaFeatureMse mse =
                new CudaFeatureMse(run.device, run.device.compute(), ROWS, CLASSES, 0, ElementType.FLOAT32)) {
            CudaSnapshotReconstruction snapshot = new CudaSnapshotReconstruction(run.device, run.device.compute());
            Runnable step = () -> {
                kernel.lossAndGradient(ROWS, 2, features, teachers, all, out, lossAddress);
                kernel.lossAndGradient(ROWS, 2, features, others, all, out, lossAddress);
                mse.lossAndGradient(ROWS, features, none, all, out, lossAddress);
                snapshot.apply(300, features.address(), planesAddress, 1, 1, 0, 0, out.address());
            };
            for (int i = 0; i < 5; i++) {
                step.run();
            }
            run.device.synchronize();
            long allocations = run.device.memory().allocations();
            long waits = TestDevice.waits();
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long id = Thread.currentThread().threadId();
            long least = Long.MAX_VALUE; // class loading and compilation by others may fall into some of the rounds
            for (int round = 0; round < 20; round++) {
                long before = threads.getThreadAllocatedBytes(id);
                step.run();
                least = Math.min(least, threads.getThreadAllocatedBytes(id) - before);
            }
            assertEquals(0, least, "bytes on the heap");
            assertEquals(allocations, run.device.memory().allocations());
            assertEquals(waits, TestDevice.waits());
        }
    }

    @Test
    void aGraphHoldsACallAndSeesNewValues() {
        DeviceMatrix[] teachers = teachers(first);
        CUgraph graph = new CUgraph();
        CUgraphExec executable = new CUgraphExec();
        run.device.synchronize();
        check(JCudaDriver.cuStreamBeginCapture(
                run.device.compute().handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL));
        queue(teachers);
        check(JCudaDriver.cuStreamEndCapture(run.device.compute().handle(), graph));
        check(JCudaDriver.cuGraphInstantiate(executable, graph, 0));
        check(JCudaDriver.cuGraphLaunch(executable, run.device.compute().handle()));
        requireResultOf(first);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment values = arena.allocateFrom(JAVA_FLOAT, second.student());
            run.device.compute().toDevice(values, student.matrix().address());
        }
        check(JCudaDriver.cuGraphLaunch(executable, run.device.compute().handle()));
        requireResultOf(
                new KlCase(ROWS, CLASSES, first.ranges(), 2, second.student(), first.teachers(), first.weight()));
        check(JCudaDriver.cuGraphExecDestroy(executable));
        check(JCudaDriver.cuGraphDestroy(graph));
    }

    private static void check(int status) {
        assertEquals(0, status);
    }

    @Test
    void wrongArgumentsAreNamed() {
        DeviceMatrix[] teachers = teachers(first);
        DeviceMatrix good = student.matrix();
        assertMessage(
                "rows 6: expected 1 to 5",
                () -> kernel.lossAndGradient(6, 2, good, teachers, good, good, loss.address()));
        assertMessage(
                "temperature 0.0", () -> kernel.lossAndGradient(5, 0, good, teachers, good, good, loss.address()));
        assertMessage(
                "got 1 teachers, expected 2",
                () -> kernel.lossAndGradient(5, 1, good, new DeviceMatrix[] {good}, good, good, loss.address()));
        assertMessage(
                "student at device address 0",
                () -> kernel.lossAndGradient(5, 1, new DeviceMatrix(0, CLASSES), teachers, good, good, loss.address()));
        assertMessage(
                "teacher 1 at device address",
                () -> kernel.lossAndGradient(
                        5, 1, good, new DeviceMatrix[] {good, new DeviceMatrix(256, 112)}, good, good, loss.address()));
        assertMessage(
                "a stride of at least 300",
                () -> kernel.lossAndGradient(
                        5, 1, good, teachers, good, new DeviceMatrix(good.address(), 299), loss.address()));
        assertMessage(
                "loss at device address",
                () -> kernel.lossAndGradient(5, 1, good, teachers, good, good, loss.address() + 4));
        assertMessage(
                "lie outside the student's [0, 10)",
                () -> new CudaMultiTeacherKl(
                        run.device, run.device.compute(), 5, 10, List.of(new ClassRange(3, 11)), ElementType.FLOAT32));
    }

    private static void assertMessage(String part, Runnable call) {
        String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
