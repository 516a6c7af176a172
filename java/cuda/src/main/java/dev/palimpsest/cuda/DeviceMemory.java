package dev.palimpsest.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;

import dev.palimpsest.cuda.CudaException.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/**
 * All device memory of one {@link CudaDevice}: blocks are kept when they are given back, so a step that repeats asks
 * the driver for nothing.
 *
 * <p>Sizes are rounded up to one of eight steps between powers of two (at most an eighth is lost), and a block serves
 * its own size only. A block may be reused while work that used it is still queued: it remembers the streams that did,
 * and whoever gets it for another stream has that one wait, on the device, for everything queued on those so far. On
 * the same stream, order alone keeps it safe.
 *
 * <p>When the limit or the device is full, all blocks that wait for reuse are freed once before an error is raised.
 */
public final class DeviceMemory {
    private static final long SMALLEST = 512;
    private static final int STEPS_A_POWER = 8;

    /** Memory from the driver, in use or waiting. */
    static final class Block {
        final CUdeviceptr pointer;
        final long address;
        final long size;
        private final List<CudaStream> streams = new ArrayList<>(2);

        Block(CUdeviceptr pointer, long address, long size) {
            this.pointer = pointer;
            this.address = address;
            this.size = size;
        }

        void usedBy(CudaStream stream) {
            if (!streams.contains(stream)) {
                streams.add(stream);
            }
        }

        private void passTo(CudaStream stream) {
            for (CudaStream user : streams) {
                stream.waitFor(user);
            }
            streams.clear();
            streams.add(stream);
        }
    }

    private final long limit;
    private final Map<Long, ArrayDeque<Block>> waiting = new HashMap<>();
    private final Set<Block> inUse = new HashSet<>();
    private long usedBytes;
    private long waitingBytes;
    private long peakBytes;
    private long allocations;

    DeviceMemory(long limit) {
        this.limit = limit;
    }

    /**
     * Memory with undefined content, for work on the given stream.
     *
     * @param bytes at least 1
     * @param stream whose queued work may use the memory first
     * @return a buffer with undefined values, to be closed by the caller
     * @throws CudaException of kind OUT_OF_MEMORY if limit or device have no room for it
     */
    public synchronized DeviceBuffer allocate(long bytes, CudaStream stream) {
        if (bytes < 0) {
            throw new IllegalArgumentException("device memory of " + bytes + " bytes: expected at least 0");
        }
        long size = rounded(Math.max(1, bytes));
        ArrayDeque<Block> fitting = waiting.get(size);
        Block block = fitting == null ? null : take(fitting, stream);
        if (block == null) {
            block = fresh(size);
        } else {
            waitingBytes -= size;
        }
        inUse.add(block);
        usedBytes += size;
        peakBytes = Math.max(peakBytes, usedBytes);
        try {
            block.passTo(stream);
        } catch (CudaException e) {
            giveBack(block);
            throw e;
        }
        return new DeviceBuffer(this, block, bytes);
    }

    /** One that only this stream used needs no waiting. */
    private static Block take(ArrayDeque<Block> fitting, CudaStream stream) {
        for (Block block : fitting) {
            if (block.streams.size() == 1 && block.streams.getFirst() == stream) {
                fitting.removeFirstOccurrence(block);
                return block;
            }
        }
        return fitting.pollFirst();
    }

    private Block fresh(long size) {
        if (size > limit - usedBytes - waitingBytes) {
            trim();
            if (size > limit - usedBytes) {
                throw outOfMemory(
                        size,
                        "the limit is " + size(limit) + ": raise it, use a smaller batch, or keep fewer teachers");
            }
        }
        Address.DeviceResult pointer = new Address.DeviceResult();
        int status = JCudaDriver.cuMemAlloc(pointer, size);
        if (status == CUDA_ERROR_OUT_OF_MEMORY && waitingBytes > 0) {
            trim();
            status = JCudaDriver.cuMemAlloc(pointer, size);
        }
        if (status == CUDA_ERROR_OUT_OF_MEMORY) {
            throw outOfMemory(
                    size,
                    free() + ": use a smaller batch, keep fewer teachers, or see with nvidia-smi what else runs there");
        }
        Driver.check(status, "taking " + size(size) + " of device memory");
        allocations++;
        return new Block(pointer, pointer.value(), size);
    }

    private CudaException outOfMemory(long size, String remedy) {
        return new CudaException(
                Kind.OUT_OF_MEMORY,
                "out of device memory: asked for " + size(size) + " while " + size(usedBytes) + " are in use; "
                        + remedy);
    }

    private static String free() {
        long[] free = new long[1];
        long[] all = new long[1];
        return JCudaDriver.cuMemGetInfo(free, all) == 0
                ? "the device has " + size(free[0]) + " of its " + size(all[0]) + " free"
                : "the device has no more";
    }

    synchronized void giveBack(Block block) {
        if (inUse.remove(block)) {
            usedBytes -= block.size;
            waitingBytes += block.size;
            waiting.computeIfAbsent(block.size, size -> new ArrayDeque<>()).addFirst(block);
        }
    }

    /** Gives the driver back what waits for reuse. The host waits for the device. */
    public synchronized void trim() {
        Driver.check(JCudaDriver.cuCtxSynchronize(), "waiting for the device");
        for (ArrayDeque<Block> blocks : waiting.values()) {
            for (Block block = blocks.poll(); block != null; block = blocks.poll()) {
                waitingBytes -= block.size;
                Driver.check(JCudaDriver.cuMemFree(block.pointer), "freeing device memory");
            }
        }
    }

    /**
     * Bytes in use now, sizes as they were rounded.
     *
     * @return bytes in buffers that are not closed
     */
    public synchronized long usedBytes() {
        return usedBytes;
    }

    /**
     * The most that were ever in use.
     *
     * @return the most bytes that were in use at a time
     */
    public synchronized long peakBytes() {
        return peakBytes;
    }

    /**
     * Bytes taken from the driver now: those in use and those that wait for reuse.
     *
     * @return bytes taken from the driver, in use or kept for reuse
     */
    public synchronized long reservedBytes() {
        return usedBytes + waitingBytes;
    }

    /**
     * How often the driver was asked for memory: constant in steady state.
     *
     * @return how often memory was taken from the driver
     */
    public synchronized long allocations() {
        return allocations;
    }

    /** Frees everything, also what somebody still holds. */
    synchronized void close(CudaDevice device) {
        List<Block> all = new ArrayList<>(inUse);
        waiting.values().forEach(all::addAll);
        inUse.clear();
        waiting.clear();
        usedBytes = 0;
        waitingBytes = 0;
        all.forEach(block -> device.closing(JCudaDriver.cuMemFree(block.pointer), "freeing device memory"));
    }

    private static long rounded(long bytes) {
        if (bytes <= SMALLEST) {
            return SMALLEST;
        }
        long step = Math.max(SMALLEST, Long.highestOneBit(bytes - 1) / STEPS_A_POWER);
        return Math.ceilDiv(bytes, step) * step;
    }

    static String size(long bytes) {
        if (bytes < 1 << 20) {
            return String.format(Locale.ROOT, "%,d bytes", bytes);
        }
        return bytes < 1 << 30
                ? String.format(Locale.ROOT, "%.1f MiB", bytes / 0x1p20)
                : String.format(Locale.ROOT, "%.1f GiB", bytes / 0x1p30);
    }
}
