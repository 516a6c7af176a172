package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.CudaException.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pool of device memory: what is reused, when that is safe, and what happens when it is full. */
@Tag("device")
class DeviceMemoryTest {
    private static final int MIB = 1 << 20;

    @AfterEach
    void nothingIsLeft() {
        TestDevice.assertNothingIsLeft();
    }

    @Test
    void whatIsGivenBackServesTheNextOfItsSizeWithoutTheDriver() {
        try (CudaDevice device = TestDevice.open()) {
            long first;
            try (DeviceBuffer buffer = device.allocate(3000)) {
                first = buffer.address();
                assertEquals(0, first % 256);
                assertEquals(3000, buffer.bytes());
            }
            assertEquals(1, device.memory().allocations());
            for (int step = 0; step < 20; step++) {
                try (DeviceBuffer again = device.allocate(2900);
                        DeviceBuffer other = device.allocate(100_000)) {
                    assertEquals(first, again.address());
                    assertTrue(other.address() != first);
                }
            }
            assertEquals(2, device.memory().allocations());
            assertEquals(0, device.memory().usedBytes());
            assertTrue(device.memory().reservedBytes() >= 103_000
                    && device.memory().reservedBytes() <= 103_000 * 9 / 8 + 512);
            assertEquals(device.memory().reservedBytes(), device.memory().peakBytes());
            device.memory().trim();
            assertEquals(0, device.memory().reservedBytes());
        }
    }

    @Test
    void memoryOfNoBytesHasAnAddressToo() {
        try (CudaDevice device = TestDevice.open();
                DeviceBuffer nothing = device.allocate(0)) {
            assertTrue(nothing.address() != 0);
            assertThrows(IllegalArgumentException.class, () -> device.allocate(-1));
        }
    }

    @Test
    void aClosedBufferGivesNoAddress() {
        try (CudaDevice device = TestDevice.open()) {
            DeviceBuffer buffer = device.allocate(8);
            buffer.close();
            buffer.close();
            assertThrows(IllegalStateException.class, buffer::address);
            assertThrows(IllegalStateException.class, buffer::pointer);
        }
    }

    @Test
    void theLimitCountsAndSaysWhatIsInUse() {
        try (CudaDevice device = TestDevice.open(4L * MIB)) {
            try (DeviceBuffer held = device.allocate(2 * MIB)) {
                CudaException full = assertThrows(CudaException.class, () -> device.allocate(3 * MIB));
                assertEquals(Kind.OUT_OF_MEMORY, full.kind());
                assertEquals(
                        "out of device memory: asked for 3.0 MiB while 2.0 MiB are in use; the limit is 4.0 MiB: raise"
                                + " it, use a smaller batch, or keep fewer teachers",
                        full.getMessage());
                assertTrue(held.address() != 0);
            }
            // What waits for reuse makes room for another size.
            try (DeviceBuffer large = device.allocate(4 * MIB)) {
                assertEquals(4 * MIB, large.bytes());
            }
        }
    }

    @Test
    void aFullDeviceSaysWhatIsFree() {
        TestDevice.requireDouble();
        DriverDouble.set(DriverDouble.Setting.MEMORY, 8 * MIB);
        try (CudaDevice device = CudaDevice.open(0, TestDevice.options())) {
            device.allocate(3 * MIB).close();
            try (DeviceBuffer large = device.allocate(6 * MIB)) {
                assertEquals(6 * MIB, device.memory().reservedBytes(), "what waited was freed for " + large.bytes());
                CudaException full = assertThrows(CudaException.class, () -> device.allocate(5 * MIB));
                assertEquals(Kind.OUT_OF_MEMORY, full.kind());
                assertTrue(
                        full.getMessage()
                                .startsWith(
                                        "out of device memory: asked for 5.0 MiB while 6.0 MiB are in use; the device"
                                                + " has 2.0 MiB of its 8.0 MiB free"),
                        full.getMessage());
            }
        }
    }

    /** Streams of the double run as late as the program's waits allow, in an order that the seed draws. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
    void aBlockThatChangesStreamsIsNotWrittenBeforeItsLastUse(int seed) {
        TestDevice.requireDouble();
        DriverDouble.set(DriverDouble.Setting.SEED, seed);
        int bytes = 4096;
        try (CudaDevice device = CudaDevice.open(0, TestDevice.options());
                Arena arena = Arena.ofConfined()) {
            DeviceBuffer ones = device.allocate(bytes);
            DeviceBuffer twos = device.allocate(bytes);
            device.compute().toDevice(arena.allocate(bytes, 64).fill((byte) 1), ones.address());
            device.compute().toDevice(arena.allocate(bytes, 64).fill((byte) 2), twos.address());
            DeviceBuffer byTeachers = device.allocate(bytes);
            DeviceBuffer byCompute = device.allocate(bytes);
            DeviceBuffer second = device.memory().allocate(bytes, device.copies());

            DeviceBuffer block = device.allocate(bytes);
            long address = block.address();
            device.compute().copy(ones.address(), address, bytes);
            device.teachers().waitFor(device.compute());
            block.usedBy(device.teachers());
            device.teachers().copy(address, byTeachers.address(), bytes);
            device.compute().copy(address, byCompute.address(), bytes);
            block.close();
            DeviceBuffer reused = device.memory().allocate(bytes, device.copies());
            assertEquals(address, reused.address());
            device.copies().copy(twos.address(), address, bytes);
            device.copies().copy(address, second.address(), bytes);
            device.synchronize();

            assertEquals(0x01010101, first(device, byTeachers, arena));
            assertEquals(0x01010101, first(device, byCompute, arena));
            assertEquals(0x02020202, first(device, second, arena));
        }
    }

    private static int first(CudaDevice device, DeviceBuffer buffer, Arena arena) {
        MemorySegment host = arena.allocate(buffer.bytes(), 64);
        device.compute().toHost(buffer.address(), host);
        return host.get(JAVA_INT, 0);
    }
}
