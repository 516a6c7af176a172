package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jcuda.driver.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS;
import static jcuda.driver.CUresult.CUDA_ERROR_LAUNCH_FAILED;
import static jcuda.driver.CUresult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.cuda.DriverDouble.Setting;
import dev.palimpsest.kernel.ClassRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Opening, copying, and every trouble that a driver can make: a clear error, and nothing left behind. */
@Tag("device")
class CudaDeviceTest {
    @AfterEach
    void nothingIsLeft() {
        TestDevice.assertNothingIsLeft();
    }

    @Test
    void copiesGoThereAndBackThroughPinnedMemoryOnAnyStream() {
        byte[] bytes = new byte[100_003];
        new SplittableRandom(1).nextBytes(bytes);
        try (CudaDevice device = TestDevice.open();
                CudaStream own = device.stream()) {
            for (CudaStream stream : List.of(device.compute(), device.teachers(), device.copies(), own)) {
                try (DeviceBuffer there = device.memory().allocate(bytes.length, stream);
                        DeviceBuffer beside = device.memory().allocate(bytes.length, stream);
                        PinnedBuffer out = device.pinned(bytes.length + 8);
                        PinnedBuffer back = device.pinned(bytes.length)) {
                    MemorySegment.copy(bytes, 0, out.segment(), JAVA_BYTE, 8, bytes.length);
                    stream.toDevice(out, 8, there.address(), bytes.length);
                    stream.copy(there.address(), beside.address(), bytes.length);
                    stream.zero(beside.address() + 10, 3);
                    stream.toHost(beside.address(), back, 0, bytes.length);
                    stream.synchronize();
                    byte[] expected = bytes.clone();
                    Arrays.fill(expected, 10, 13, (byte) 0);
                    assertArrayEquals(expected, back.segment().toArray(JAVA_BYTE));
                    assertThrows(
                            IndexOutOfBoundsException.class,
                            () -> stream.toDevice(out, 9, there.address(), bytes.length));
                }
            }
        }
    }

    @Test
    void eventsOrderStreamsAndTakeTime() {
        try (CudaDevice device = TestDevice.open();
                CudaStream.Event begin = device.event();
                CudaStream.Event end = device.event();
                DeviceBuffer buffer = device.allocate(1 << 16)) {
            begin.record(device.compute());
            device.compute().zero(buffer.address(), buffer.bytes());
            end.record(device.compute());
            device.copies().waitFor(end);
            device.copies().synchronize();
            end.synchronize();
            assertTrue(end.millisecondsSince(begin) >= 0 && end.millisecondsSince(begin) < 10_000);
        }
    }

    @Test
    void closingTheDeviceClosesWhatWasForgotten() {
        CudaDevice device = TestDevice.open();
        device.allocate(1000);
        device.stream();
        device.event();
        MemorySegment pinned = device.pinned(64).segment();
        new CudaMultiTeacherKl(device, device.compute(), 3, 4, List.of(new ClassRange(0, 4)), ElementType.FLOAT32);
        device.close();
        device.close();
        assertThrows(IllegalStateException.class, () -> pinned.get(JAVA_INT, 0));
    }

    @Test
    void probeNamesEveryDevice() {
        TestDevice.requireDouble();
        DriverDouble.set(Setting.DEVICES, 2);
        DriverDouble.set(Setting.DRIVER_VERSION, 12040);
        Cuda.Probe probe = Cuda.probe(TestDevice.options());
        assertTrue(probe.hasDevice(), probe.toString());
        assertEquals("12.4", probe.driver().orElseThrow());
        assertEquals(
                List.of(0, 1),
                probe.devices().stream().map(CudaDevice.Hardware::index).toList());
        assertTrue(
                probe.devices()
                        .get(1)
                        .toString()
                        .matches("cuda:1 .+, compute capability 9\\.0, \\d+ multiprocessors, 8\\.0 GiB"),
                probe.devices().get(1).toString());
        try (CudaDevice second = CudaDevice.open(1, TestDevice.options());
                DeviceBuffer buffer = second.allocate(16)) {
            assertEquals(1, second.info().index());
            second.compute().zero(buffer.address(), 16);
            second.synchronize();
        }
    }

    @Test
    void aDeviceThatIsNotThereIsNamedWithThoseThatAre() {
        TestDevice.requireDouble();
        DriverDouble.set(Setting.DEVICES, 2);
        CudaException missing = assertThrows(CudaException.class, () -> CudaDevice.open(2, TestDevice.options()));
        assertEquals(Kind.UNAVAILABLE, missing.kind());
        assertTrue(
                missing.getMessage().startsWith("cuda:2 is not there: the driver shows 2 devices, cuda:0 to cuda:1"),
                missing.getMessage());
    }

    @Test
    void aMachineWithoutDevicesAnOldDriverAndAWrongOneHaveTheirSentences() {
        TestDevice.requireDouble();
        DriverDouble.set(Setting.DEVICES, 0);
        assertTrue(trouble().startsWith("the NVIDIA driver shows no device"), trouble());
        DriverDouble.reset();
        DriverDouble.set(Setting.DRIVER_VERSION, 11040);
        assertEquals(
                "the NVIDIA driver supports CUDA 11.4, expected 12.0 or newer: update it (to 525 or newer)", trouble());
        DriverDouble.reset();
        DriverDouble.fail("cuInit", 1, -1, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, false);
        assertTrue(trouble().contains("reboot after an update of the driver"), trouble());
        DriverDouble.reset();
        assertTrue(Cuda.probe(TestDevice.options()).hasDevice());
    }

    private static String trouble() {
        Cuda.Probe probe = Cuda.probe(TestDevice.options());
        assertFalse(probe.hasDevice());
        assertEquals(
                probe.trouble().orElseThrow(),
                assertThrows(CudaException.class, () -> CudaDevice.open(0, TestDevice.options()))
                        .getMessage());
        return probe.trouble().orElseThrow();
    }

    /** Every call of the function that everyday work makes fails once. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "cuInit",
                "cuDeviceGetCount",
                "cuDeviceGet",
                "cuDeviceGetName",
                "cuDeviceTotalMem",
                "cuDeviceGetAttribute",
                "cuDevicePrimaryCtxRetain",
                "cuCtxSetCurrent",
                "cuStreamCreate",
                "cuEventCreate",
                "cuMemAlloc",
                "cuMemHostAlloc",
                "cuModuleLoadData",
                "cuModuleGetFunction",
                "cuFuncSetAttribute",
                "cuLaunchKernel",
                "cuMemcpyHtoDAsync",
                "cuMemcpyDtoHAsync",
                "cuMemsetD8Async",
                "cuEventRecord",
                "cuStreamWaitEvent",
                "cuStreamSynchronize",
                "cuCtxSynchronize"
            })
    void everyFailureIsAnErrorAndLeavesNothing(String function) {
        TestDevice.requireDouble();
        int failures = 0;
        for (int n = 1; n < 100; n++) {
            DriverDouble.reset();
            DriverDouble.fail(function, n, CUDA_ERROR_OUT_OF_MEMORY);
            try {
                work();
                TestDevice.assertNothingIsLeft();
                assertTrue(failures > 0, function + " was never called");
                return;
            } catch (CudaException e) {
                failures++;
                assertTrue(
                        e.getMessage().contains("emory") || e.getMessage().contains("MEMORY"),
                        function + " " + n + ": " + e.getMessage());
                TestDevice.assertNothingIsLeft();
            }
        }
        throw new AssertionError(function + " failed in every attempt");
    }

    /** A bit of everything; more than 48 KiB of shared memory among it. */
    private static void work() {
        try (CudaDevice device = CudaDevice.open(0, TestDevice.options())) {
            device.teachers().waitFor(device.compute());
            int classes = 7000;
            PinnedBuffer pinned = device.pinned(4L * classes);
            DeviceBuffer student = device.allocate(4L * classes);
            DeviceBuffer teacher = device.allocate(4L * classes);
            DeviceBuffer gradient = device.allocate(4L * classes);
            DeviceBuffer weight = device.allocate(4);
            DeviceBuffer loss = device.allocate(8);
            device.compute()
                    .toDevice(pinned, 0, student.address(), pinned.segment().byteSize());
            device.compute().zero(teacher.address(), teacher.bytes());
            device.compute().zero(weight.address(), 4);
            try (CudaMultiTeacherKl kernel = new CudaMultiTeacherKl(
                    device, device.compute(), 1, classes, List.of(new ClassRange(0, classes)), ElementType.FLOAT32)) {
                kernel.lossAndGradient(
                        1,
                        2,
                        new DeviceMatrix(student.address(), classes),
                        new DeviceMatrix[] {new DeviceMatrix(teacher.address(), classes)},
                        new DeviceMatrix(weight.address(), 1),
                        new DeviceMatrix(gradient.address(), classes),
                        loss.address());
            }
            device.compute()
                    .toHost(gradient.address(), pinned, 0, pinned.segment().byteSize());
            device.compute().synchronize();
            for (int i = 0; i < classes; i++) {
                assertEquals(0, pinned.segment().getAtIndex(JAVA_INT, i), "a gradient of weight 0");
            }
        }
    }

    @Test
    void aRefusedLaunchNamesTheKernelAndTheDeviceStaysUsable() {
        TestDevice.requireDouble();
        try (CudaDevice device = TestDevice.open();
                DeviceBuffer memory = device.allocate(4096)) {
            CudaSnapshotReconstruction kernel = new CudaSnapshotReconstruction(device, device.compute());
            DriverDouble.fail("cuLaunchKernel", 1, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
            CudaException refused = assertThrows(CudaException.class, () -> rebuild(kernel, memory.address()));
            assertEquals(Kind.LAUNCH, refused.kind());
            assertTrue(
                    refused.getMessage()
                            .contains("launching palimpsest_cuda_snapshot_reconstruction (1 blocks of 128 threads"),
                    refused.getMessage());
            rebuild(kernel, memory.address());
            device.synchronize();
        }
    }

    /** 64 weights of zero bits and no owners. */
    private static void rebuild(CudaSnapshotReconstruction kernel, long address) {
        kernel.apply(64, address, address + 1024, 1, 1, 0, 0, address + 2048);
    }

    @ParameterizedTest
    @ValueSource(ints = {CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_LAUNCH_FAILED})
    void aLostDeviceSaysSoClosesQuietlyAndCanBeOpenedAgain(int error) {
        TestDevice.requireDouble();
        CudaDevice device = TestDevice.open();
        DeviceBuffer memory = device.allocate(4096);
        CudaSnapshotReconstruction kernel = new CudaSnapshotReconstruction(device, device.compute());
        DriverDouble.fail("cuStreamSynchronize", 1, 1, error, true);
        rebuild(kernel, memory.address());
        CudaException lost =
                assertThrows(CudaException.class, () -> device.compute().synchronize());
        assertEquals(Kind.LOST, lost.kind());
        assertTrue(lost.getMessage().contains("everything on the device is lost"), lost.getMessage());
        assertEquals(
                Kind.LOST,
                assertThrows(CudaException.class, () -> rebuild(kernel, memory.address()))
                        .kind());
        assertDoesNotThrow(device::close);
        assertEquals(0, DriverDouble.count("live"), DriverDouble::report);
        DriverDouble.reset();
        try (CudaDevice again = TestDevice.open();
                DeviceBuffer fresh = again.allocate(4096)) {
            rebuild(new CudaSnapshotReconstruction(again, again.compute()), fresh.address());
            again.synchronize();
        }
    }

    @Test
    void aKernelThatReadsFreedMemoryIsFoundOutAtTheNextWait() {
        TestDevice.requireDouble();
        CudaDevice device = TestDevice.open();
        DeviceBuffer memory = device.allocate(4096);
        long stale = memory.address();
        memory.close();
        device.memory().trim();
        rebuild(new CudaSnapshotReconstruction(device, device.compute()), stale);
        CudaException lost = assertThrows(CudaException.class, device::synchronize);
        assertEquals(Kind.LOST, lost.kind());
        device.close();
        assertTrue(DriverDouble.report().contains("palimpsest_cuda_snapshot_reconstruction"), DriverDouble.report());
        DriverDouble.reset();
    }

    @Test
    void hostMemoryOfArraysIsRefused() {
        try (CudaDevice device = TestDevice.open();
                DeviceBuffer buffer = device.allocate(8);
                Arena arena = Arena.ofConfined()) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> device.compute().toDevice(MemorySegment.ofArray(new byte[8]), buffer.address()));
            MemorySegment host = arena.allocate(8, 8).fill((byte) 7);
            device.compute().toDevice(host, buffer.address());
            host.fill((byte) 0);
            device.compute().toHost(buffer.address(), host);
            assertEquals(0x07070707, host.get(JAVA_INT, 4));
        }
    }
}
