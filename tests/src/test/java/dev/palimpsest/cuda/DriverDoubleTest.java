package dev.palimpsest.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS;
import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_HANDLE;
import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_VALUE;
import static jcuda.driver.CUresult.CUDA_ERROR_LAUNCH_FAILED;
import static jcuda.driver.CUresult.CUDA_ERROR_NO_DEVICE;
import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.CUresult.CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
import static jcuda.driver.CUresult.CUDA_SUCCESS;
import static jcuda.driver.JCudaDriver.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import jcuda.Pointer;
import jcuda.Sizeof;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The driver double notices what it is there to notice, through JCuda's own JNI. */
@Tag("double")
class DriverDoubleTest {
    private static final int COUNT = 1000; // floats
    private static final int NON_BLOCKING = 1;
    private static final byte[] PTX = ".version 8.0 palimpsest_cuda_snapshot_reconstruction\0".getBytes();

    private final CUcontext context = new CUcontext();

    @BeforeAll
    static void load() {
        TestDevice.requireDouble();
        CudaLibrary.DRIVER.load(TestDevice.options());
        JCudaDriver.setExceptionsEnabled(false);
    }

    @AfterAll
    static void putBack() {
        JCudaDriver.setExceptionsEnabled(true);
    }

    @BeforeEach
    void open() {
        DriverDouble.reset();
        ok(cuInit(0));
        CUdevice device = new CUdevice();
        ok(cuDeviceGet(device, 0));
        ok(cuCtxCreate(context, 0, device));
    }

    @AfterEach
    void reset() {
        DriverDouble.reset();
    }

    private static void ok(int status) {
        assertEquals(CUDA_SUCCESS, status, DriverDouble::report);
    }

    private static CUdeviceptr allocate(long bytes) {
        CUdeviceptr address = new CUdeviceptr();
        ok(cuMemAlloc(address, bytes));
        return address;
    }

    private static CUstream stream() {
        CUstream stream = new CUstream();
        ok(cuStreamCreate(stream, NON_BLOCKING));
        return stream;
    }

    private static float[] random(int count) {
        Random random = new Random(5);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return values;
    }

    @Test
    void copiesGoThereAndBack() {
        float[] values = random(COUNT);
        CUdeviceptr a = allocate(COUNT * 4L);
        CUdeviceptr b = allocate(COUNT * 4L);
        ok(cuMemcpyHtoD(a, Pointer.to(values), COUNT * 4L));
        ok(cuMemcpyDtoD(b, a, COUNT * 4L));
        float[] back = new float[COUNT];
        ok(cuMemcpyDtoH(Pointer.to(back), b, COUNT * 4L));
        assertArrayEquals(values, back);
        assertEquals(COUNT * 4L, DriverDouble.count("bytes_to_device"));
        assertEquals(2, DriverDouble.count("synchronisations"), "the two copies with the host");
        assertEquals(2, DriverDouble.count("live.memory"));
        ok(cuMemFree(a));
        ok(cuMemFree(b));
        ok(cuCtxDestroy(context));
        DriverDouble.assertNothingLeaked();
    }

    @Test
    void memoryStartsAsNaN() {
        CUdeviceptr a = allocate(COUNT * 4L);
        float[] back = new float[COUNT];
        ok(cuMemcpyDtoH(Pointer.to(back), a, COUNT * 4L));
        for (float value : back) {
            assertTrue(Float.isNaN(value));
        }
    }

    @Test
    void copiesBesideAnAllocationAreRefused() {
        CUdeviceptr a = allocate(COUNT * 4L);
        float[] host = new float[COUNT + 1];
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(a, Pointer.to(host), COUNT * 4L + 4));
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(Pointer.to(host), a.withByteOffset(4), COUNT * 4L));
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuMemsetD8(a.withByteOffset(-4), (byte) 0, 8));
        assertTrue(DriverDouble.report().contains("of allocation 1 of 4000 bytes"), DriverDouble::report);
    }

    @Test
    void freedMemoryIsKnownAsSuch() {
        CUdeviceptr a = allocate(64);
        ok(cuMemFree(a));
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(a, Pointer.to(new float[16]), 64));
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuMemFree(a));
        String report = DriverDouble.report();
        assertTrue(report.contains("in allocation 1 of 64 bytes, which was freed"), report);
        assertTrue(report.contains("allocation 1 was freed before"), report);
    }

    @Test
    void whatIsNotFreedIsReported() {
        allocate(64);
        stream();
        assertEquals(3, DriverDouble.count("live"), "memory, stream, context");
        assertTrue(DriverDouble.report().contains("allocation 1 of 64 bytes not freed"), DriverDouble::report);
        ok(cuCtxDestroy(context));
        assertEquals(0, DriverDouble.count("live"));
        assertEquals(2, DriverDouble.count("abandoned"));
    }

    @Test
    void failuresComeAsPlanned() {
        DriverDouble.fail("cuMemAlloc", 2, CUDA_ERROR_OUT_OF_MEMORY);
        allocate(64);
        assertEquals(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(new CUdeviceptr(), 64));
        allocate(64);
        DriverDouble.fail("*", 3, 1, CUDA_ERROR_LAUNCH_FAILED, true);
        allocate(64);
        allocate(64);
        assertEquals(CUDA_ERROR_LAUNCH_FAILED, cuMemAlloc(new CUdeviceptr(), 64));
        assertEquals(CUDA_ERROR_LAUNCH_FAILED, cuStreamCreate(new CUstream(), 0), "the context is lost");
        ok(cuCtxDestroy(context));
        assertEquals(0, DriverDouble.count("live"));
    }

    @Test
    void memoryIsLimited() {
        DriverDouble.set(DriverDouble.Setting.MEMORY, 1000);
        CUdeviceptr a = allocate(600);
        assertEquals(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(new CUdeviceptr(), 600));
        ok(cuMemFree(a));
        allocate(600);
    }

    @Test
    void devicesAreAsManyAsAreVisible() {
        DriverDouble.reset();
        DriverDouble.set(DriverDouble.Setting.DEVICES, 3);
        DriverDouble.setVisibleDevices("2,0,7");
        ok(cuInit(0));
        int[] count = new int[1];
        ok(cuDeviceGetCount(count));
        assertEquals(2, count[0], "the list ends at the first device that there is not");
        byte[] name = new byte[50];
        ok(cuDeviceGetName(name, 50, device(0)));
        assertTrue(new String(name).startsWith("Driver double 2\0"));

        DriverDouble.reset();
        DriverDouble.set(DriverDouble.Setting.DEVICES, 0);
        assertEquals(CUDA_ERROR_NO_DEVICE, cuInit(0));
    }

    private static CUdevice device(int ordinal) {
        CUdevice device = new CUdevice();
        ok(cuDeviceGet(device, ordinal));
        return device;
    }

    private static CUfunction snapshotKernel() {
        CUmodule module = new CUmodule();
        ok(cuModuleLoadData(module, PTX));
        CUfunction function = new CUfunction();
        ok(cuModuleGetFunction(function, module, "palimpsest_cuda_snapshot_reconstruction"));
        return function;
    }

    /** Keeps every second weight. The struct is that of palimpsest.h. */
    private static int launchSnapshot(
            CUfunction function,
            long count,
            CUdeviceptr weights,
            CUdeviceptr planes,
            CUdeviceptr out,
            CUstream stream) {
        long[] struct = {count, address(weights), address(planes), 1, 1, 0, 0, address(out)};
        int blocks = (int) ((count + 4095) / 4096);
        return cuLaunchKernel(function, blocks, 1, 1, 128, 1, 1, 0, stream, Pointer.to(Pointer.to(struct)), null);
    }

    private static long address(CUdeviceptr pointer) {
        long[] value = new long[1];
        CUdeviceptr holder = allocate(8);
        ok(cuMemcpyHtoD(holder, Pointer.to(pointer), 8));
        ok(cuMemcpyDtoH(Pointer.to(value), holder, 8));
        ok(cuMemFree(holder));
        return value[0];
    }

    private static CUdeviceptr device(float[] values) {
        CUdeviceptr address = allocate(values.length * 4L);
        ok(cuMemcpyHtoD(address, Pointer.to(values), values.length * 4L));
        return address;
    }

    private static CUdeviceptr everySecond(int words) {
        long[] planes = new long[words];
        Arrays.fill(planes, 0x5555555555555555L);
        CUdeviceptr address = allocate(words * 8L);
        ok(cuMemcpyHtoD(address, Pointer.to(planes), words * 8L));
        return address;
    }

    @Test
    void launchesRunTheKernels() {
        float[] values = random(10_000);
        CUdeviceptr weights = device(values);
        CUdeviceptr out = allocate(values.length * 4L);
        ok(launchSnapshot(snapshotKernel(), values.length, weights, everySecond(157), out, null));
        float[] back = new float[values.length];
        ok(cuMemcpyDtoH(Pointer.to(back), out, values.length * 4L));
        for (int i = 0; i < values.length; i++) {
            assertEquals(i % 2 == 0 ? values[i] : 0, back[i]);
        }
        assertEquals(1, DriverDouble.count("palimpsest_cuda_snapshot_reconstruction"));
        assertEquals(
                "palimpsest_cuda_snapshot_reconstruction 3 blocks of 128 threads, 0 bytes of shared memory",
                DriverDouble.launches().getFirst());
    }

    @Test
    void aKernelThatLeavesItsArraysLosesTheContext() {
        CUdeviceptr weights = device(random(1000));
        CUdeviceptr out = allocate(999 * 4L);
        ok(launchSnapshot(snapshotKernel(), 1000, weights, everySecond(16), out, null));
        assertEquals(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
        assertEquals(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree(out));
        assertTrue(
                DriverDouble.report()
                        .contains("palimpsest_cuda_snapshot_reconstruction: wrote 4 bytes at byte 3996 of allocation"),
                DriverDouble::report);
    }

    @Test
    void unknownHandlesAndKernelsAreRefused() {
        CUstream stream = stream();
        ok(cuStreamDestroy(stream));
        assertEquals(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
        CUfunction function = snapshotKernel();
        assertEquals(
                CUDA_ERROR_INVALID_VALUE,
                cuLaunchKernel(function, 1, 1, 1, 128, 1, 1, 50_000, null, Pointer.to(Pointer.to(new long[8])), null));
        CUmodule module = new CUmodule();
        assertNotEquals(CUDA_SUCCESS, cuModuleLoadData(module, "not an image\0".getBytes()));
        ok(cuModuleLoadData(module, PTX));
        assertNotEquals(
                CUDA_SUCCESS, cuModuleGetFunction(function, module, "palimpsest_cuda_feature_mse_wide_float32"));
    }

    @Test
    void blocksOfAnotherSizeThanTheKernelsAreRefused() {
        byte[] ptx = ".version 8.0 palimpsest_cuda_relu\0".getBytes();
        CUmodule module = new CUmodule();
        ok(cuModuleLoadData(module, ptx));
        CUfunction relu = new CUfunction();
        ok(cuModuleGetFunction(relu, module, "palimpsest_cuda_relu"));
        Pointer arguments =
                Pointer.to(Pointer.to(new long[] {address(allocate(4 * COUNT))}), Pointer.to(new long[] {COUNT}));
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(relu, 1, 1, 1, 128, 1, 1, 0, null, arguments, null));
        assertEquals(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(relu, 1, 1, 1, 256, 1, 1, 16, null, arguments, null));
        ok(cuLaunchKernel(relu, 1, 1, 1, 256, 1, 1, 0, null, arguments, null));
        ok(cuCtxSynchronize());
    }

    /**
     * Without a wait, the second stream sees the first's work in some orders and does not in others; with one, always.
     */
    @Test
    void aMissingWaitBetweenStreamsShows() {
        assertTrue(seen(true).allMatch(found -> found), "with a wait");
        boolean[] without = new boolean[2];
        seen(false).forEach(found -> without[found ? 1 : 0] = true);
        assertTrue(without[0] && without[1], "without a wait both happen");
    }

    private Stream<Boolean> seen(boolean wait) {
        CUstream first = stream();
        CUstream second = stream();
        CUdeviceptr a = allocate(4);
        CUdeviceptr b = allocate(4);
        CUevent event = new CUevent();
        ok(cuEventCreate(event, 0));
        return Stream.iterate(1, seed -> seed + 1).limit(20).map(seed -> {
            DriverDouble.set(DriverDouble.Setting.SEED, seed);
            ok(cuMemsetD32Async(a, seed, 1, first));
            ok(cuEventRecord(event, first));
            if (wait) {
                ok(cuStreamWaitEvent(second, event, 0));
            }
            ok(cuMemcpyDtoDAsync(b, a, 4, second));
            ok(cuStreamSynchronize(second));
            int[] found = new int[1];
            ok(cuMemcpyDtoH(Pointer.to(found), b, 4));
            ok(cuStreamSynchronize(first));
            return found[0] == seed;
        });
    }

    @Test
    void pinnedMemoryThatIsReusedTooEarlyShows() {
        DriverDouble.set(DriverDouble.Setting.SEED, 3);
        Pointer pinned = new Pointer();
        ok(cuMemHostAlloc(pinned, 4, 0));
        CUdeviceptr a = allocate(4);
        CUstream stream = stream();
        boolean changed = false;
        for (int i = 1; i <= 20; i++) {
            pinned.getByteBuffer(0, 4).order(ByteOrder.nativeOrder()).putInt(0, i);
            ok(cuMemcpyHtoDAsync(a, pinned, 4, stream));
            pinned.getByteBuffer(0, 4).order(ByteOrder.nativeOrder()).putInt(0, -i);
            ok(cuStreamSynchronize(stream));
            int[] found = new int[1];
            ok(cuMemcpyDtoH(Pointer.to(found), a, 4));
            changed |= found[0] == -i;
        }
        assertTrue(changed);
        assertEquals(0, DriverDouble.count("pageable_copies"));
        ok(cuMemcpyHtoDAsync(a, Pointer.to(new int[] {7}), 4, stream));
        assertEquals(1, DriverDouble.count("pageable_copies"));
    }

    @Test
    void capturedWorkRunsAtEveryLaunchOfItsGraph() {
        CUstream stream = stream();
        CUstream side = stream();
        CUdeviceptr a = allocate(4);
        CUdeviceptr b = allocate(4);
        ok(cuStreamBeginCapture(stream, 0));
        ok(cuMemcpyDtoDAsync(b, a, 4, stream));
        CUevent fork = new CUevent();
        ok(cuEventCreate(fork, 0));
        ok(cuEventRecord(fork, stream));
        ok(cuStreamWaitEvent(side, fork, 0));
        ok(cuMemsetD32Async(a, 5, 1, side));
        CUgraph graph = new CUgraph();
        assertEquals(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, cuStreamEndCapture(stream, graph));

        ok(cuStreamBeginCapture(stream, 0));
        ok(cuMemcpyDtoDAsync(b, a, 4, stream));
        ok(cuEventRecord(fork, stream));
        ok(cuStreamWaitEvent(side, fork, 0));
        ok(cuMemsetD32Async(a, 5, 1, side));
        CUevent join = new CUevent();
        ok(cuEventCreate(join, 0));
        ok(cuEventRecord(join, side));
        ok(cuStreamWaitEvent(stream, join, 0));
        ok(cuStreamEndCapture(stream, graph));
        CUgraphExec executable = new CUgraphExec();
        ok(cuGraphInstantiate(executable, graph, 0));
        ok(cuMemsetD32(a, 1, 1));
        assertEquals(1, value(a), "nothing ran yet");
        ok(cuGraphLaunch(executable, stream));
        ok(cuStreamSynchronize(stream));
        assertEquals(1, value(b));
        ok(cuGraphLaunch(executable, stream));
        ok(cuStreamSynchronize(stream));
        assertEquals(5, value(b));
        assertFalse(DriverDouble.report().contains("2 × graph"));
    }

    private static int value(CUdeviceptr address) {
        int[] found = new int[1];
        ok(cuMemcpyDtoH(Pointer.to(found), address, Sizeof.INT));
        return found[0];
    }
}
