package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.ffi.DeclaredKernel;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Type;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Work;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Launches are checked against the library's list, and one that is refused leaves nothing to the next. */
@Tag("device")
class CudaLaunchTest {
    private static final int COUNT = 2500; // three blocks of 1,024, the last not full

    private CudaDevice device;
    private DeviceBuffer x;
    private DeviceBuffer y;
    private DeviceBuffer sum;

    @BeforeEach
    void open() {
        device = TestDevice.open();
        x = upload(-1);
        y = upload(3);
        sum = upload(77);
    }

    @AfterEach
    void close() {
        device.close();
        TestDevice.assertNothingIsLeft();
    }

    private DeviceBuffer upload(float value) {
        DeviceBuffer buffer = device.allocate(4L * COUNT);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(JAVA_FLOAT, COUNT);
            for (int i = 0; i < COUNT; i++) {
                host.setAtIndex(JAVA_FLOAT, i, value);
            }
            device.compute().toDevice(host, buffer.address());
        }
        return buffer;
    }

    private float[] download(DeviceBuffer buffer) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(JAVA_FLOAT, COUNT);
            device.compute().toHost(buffer.address(), host);
            return host.toArray(JAVA_FLOAT);
        }
    }

    private void requireSum(float expected) {
        float[] all = new float[COUNT];
        Arrays.fill(all, expected);
        assertArrayEquals(all, download(sum));
    }

    private static String refusal(CudaKernel kernel, Object... arguments) {
        return assertThrows(IllegalArgumentException.class, () -> kernel.with(arguments))
                .getMessage();
    }

    @Test
    void aLaunchCoversExactlyItsElementsAndCanRunAgain() {
        CudaKernel.Launch launch = device.kernel("add_relu").with(x.address(), y.address(), sum.address(), COUNT);
        launch.run(device.compute());
        requireSum(2);
        device.kernel("scaled").with(x.address(), 5f, y.address(), (long) COUNT).run(device.compute());
        launch.run(device.compute());
        requireSum(18);
    }

    @Test
    void laterChangesOfTheCallersArrayDoNotReachALaunch() {
        Object[] arguments = {x.address(), y.address(), sum.address(), COUNT};
        CudaKernel.Launch launch = device.kernel("add_relu").with(arguments);
        arguments[0] = y.address();
        launch.run(device.compute());
        requireSum(2);
    }

    @Test
    void tooFewTooManyAndWronglyTypedArgumentsAreRefusedAndTheNextLaunchIsRight() {
        CudaKernel add = device.kernel("add_relu");
        CudaKernel scaled = device.kernel("scaled");
        long at = x.address();
        assertEquals(
                "kernel add_relu(const float* a, const float* b, float* out, int64_t count) got 3 arguments, expected"
                        + " 4",
                refusal(add, at, at, COUNT));
        assertTrue(refusal(add, at, at, at, COUNT, 1).endsWith("got 5 arguments, expected 4"));
        assertTrue(
                refusal(add, at, at, at, 2.5).contains("argument count of kernel add_relu("), "a double for an int64");
        assertTrue(refusal(add, at, COUNT, at, COUNT).contains("argument b of"), "an int for an address");
        assertTrue(refusal(add, at, null, at, COUNT).contains("argument b of"), "null");
        assertTrue(refusal(add, at, 0L, at, COUNT).contains("argument b of"), "a null address");
        assertTrue(refusal(add, at, at + 2, at, COUNT).contains("argument b of"), "an address between two floats");
        assertTrue(refusal(scaled, at, 5.0, at, COUNT).contains("expected a Float"), "a double for a float");
        assertTrue(refusal(scaled, at, 5, at, COUNT).contains("expected a Float"), "an int for a float");
        assertTrue(refusal(device.kernel("row_loss_table"), MemorySegment.NULL, at, 1)
                .contains("memory of 512 bytes"));
        add.with(x.address(), y.address(), sum.address(), COUNT).run(device.compute());
        requireSum(2);
    }

    @Test
    void onlyPointersThatMayBeNullAreTakenAsNull() {
        CudaKernel plus = device.kernel("matrix_plus");
        plus.with(0L, 1.0, x.address(), sum.address(), 1L);
        assertTrue(refusal(plus, x.address(), 1.0, 0L, sum.address(), 1L).contains("argument b of"));
    }

    @Test
    void blocksAreGivenToThoseKernelsOnlyThatAskForThem() {
        CudaKernel squares = device.kernel("gradient_squares");
        assertTrue(refusal(squares, x.address(), x.address(), x.address()).contains("withBlocks"));
        CudaKernel relu = device.kernel("relu");
        assertThrows(IllegalArgumentException.class, () -> relu.withBlocks(1, x.address(), COUNT));
        assertThrows(
                IllegalArgumentException.class, () -> squares.withBlocks(0, x.address(), x.address(), x.address()));
        assertTrue(
                refusal(device.kernel("snapshot_reconstruction"), x.address()).contains("plan"));
        assertTrue(refusal(relu, x.address(), 0).contains("0 blocks"), "nothing to do is no launch");
    }

    @Test
    void argumentsThatAreSetOneByOneMustAllBeSet() {
        CudaKernel mean = device.kernel("row_loss_mean");
        ArgumentBlock arguments = new ArgumentBlock(mean);
        arguments.setAddress(0, x.address());
        arguments.setAddress(2, y.address());
        assertThrows(IllegalStateException.class, () -> mean.launch(device.compute(), arguments));
        assertThrows(IllegalArgumentException.class, () -> arguments.setLong(0, 3));
        arguments.setLong(1, 3);
        assertThrows(IllegalArgumentException.class, () -> arguments.setAddress(2, 0));
        assertThrows(IllegalStateException.class, () -> mean.launch(device.compute(), arguments));
        assertThrows(
                IllegalArgumentException.class,
                () -> arguments.of(device.kernel("relu").declared()));
    }

    @Test
    void everyKernelOfTheListIsOnTheDeviceAndSaysHowItIsLaunched() {
        assertTrue(NativeLibrary.cudaKernels().size() > 40);
        for (DeclaredKernel declared : NativeLibrary.cudaKernels()) {
            DeclaredKernel loaded = device.kernel(declared.name()).declared();
            assertEquals(declared, loaded);
            assertEquals(declared.work() == Work.PLAN, declared.threads() == 0, declared.name());
            assertEquals(declared.work() == Work.PARAMETER, declared.workParameter() >= 0, declared.name());
            if (declared.work() == Work.PARAMETER) {
                assertEquals(
                        Type.INT64,
                        declared.parameters().get(declared.workParameter()).type());
            }
        }
        assertThrows(IllegalArgumentException.class, () -> device.kernel("no_such_kernel"));
    }
}
