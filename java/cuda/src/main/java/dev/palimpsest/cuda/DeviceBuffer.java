package dev.palimpsest.cuda;

import jcuda.Pointer;

/** Device memory out of a {@link DeviceMemory}; closing it gives it back for reuse. */
public final class DeviceBuffer implements AutoCloseable {
    private final DeviceMemory memory;
    private final DeviceMemory.Block block;
    private final long bytes;
    private boolean closed;

    DeviceBuffer(DeviceMemory memory, DeviceMemory.Block block, long bytes) {
        this.memory = memory;
        this.block = block;
        this.bytes = bytes;
    }

    /**
     * Of its first byte on the device, aligned to 256 bytes at least.
     *
     * @return the device address of the first byte
     * @throws IllegalStateException if it was closed
     */
    public long address() {
        requireOpen();
        return block.address;
    }

    /**
     * How large it is.
     *
     * @return bytes that were asked for
     */
    public long bytes() {
        return bytes;
    }

    /**
     * The address for JCuda's calls; the same object at every call.
     *
     * @return a pointer to the first byte
     * @throws IllegalStateException if it was closed
     */
    public Pointer pointer() {
        requireOpen();
        return block.pointer;
    }

    /**
     * To be called when another stream than the one it was allocated for uses it, so that its next holder waits for
     * that stream, too.
     *
     * @param stream the other stream
     * @return this
     * @throws IllegalStateException if it was closed
     */
    public DeviceBuffer usedBy(CudaStream stream) {
        requireOpen();
        block.usedBy(stream);
        return this;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this device memory was given back");
        }
    }

    /** Work that uses it may still be queued: its next holder waits for that on the device. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            memory.giveBack(block);
        }
    }
}
