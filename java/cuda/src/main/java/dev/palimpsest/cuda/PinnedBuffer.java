package dev.palimpsest.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jcuda.driver.JCudaDriver;

/** Host memory that the device copies from and to by itself, while host and device go on. */
public final class PinnedBuffer implements AutoCloseable {
    private final CudaDevice device;
    private final Address.HostResult pointer = new Address.HostResult();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;

    PinnedBuffer(CudaDevice device, long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a pinned buffer of " + bytes + " bytes: expected at least 1");
        }
        this.device = device;
        int status = JCudaDriver.cuMemHostAlloc(pointer, bytes, 0);
        if (status != 0) {
            arena.close();
            throw Driver.failure(status, "pinning " + DeviceMemory.size(bytes) + " of host memory");
        }
        segment = MemorySegment.ofAddress(pointer.value()).reinterpret(bytes, arena, null);
        device.adopt(this);
    }

    /**
     * Its memory, aligned to 64 bytes at least; not usable after {@link #close}.
     *
     * @return the memory, of the buffer's size, for the host to read and write
     */
    public MemorySegment segment() {
        return segment;
    }

    void check(long from, long bytes) {
        if (from < 0 || bytes < 0 || from > segment.byteSize() - bytes) {
            throw new IndexOutOfBoundsException(
                    bytes + " bytes from " + from + " on lie outside a pinned buffer of " + segment.byteSize());
        }
    }

    /** Copies from or to it must be done. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            device.disown(this);
            device.closing(JCudaDriver.cuMemFreeHost(pointer), "freeing pinned memory");
        }
    }
}
