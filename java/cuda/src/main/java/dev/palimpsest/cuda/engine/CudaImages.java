package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.cuda.PinnedBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Batches on their way to the device: each goes through pinned memory on the copies' stream, into memory that is kept
 * for it, so that the next batch is copied while the device computes on this one.
 */
final class CudaImages {
    private static final class Slot {
        final PinnedBuffer pinned;
        final DeviceBuffer memory;
        final CudaStream.Event copied;
        final CudaStream.Event released;
        boolean taken;
        /** Point after the copy out of pinned memory. */
        long busyUntil;
        /** Number of the release that made it free; 0 until its first. */
        long freed;

        Slot(CudaDevice device, long bytes) {
            pinned = device.pinned(bytes);
            memory = device.memory().allocate(bytes, device.copies());
            copied = device.event();
            released = device.event();
        }
    }

    private final CudaDevice device;
    private final CudaEventRing eventRing;
    private final List<Slot> slots = new ArrayList<>();
    private long releases;

    CudaImages(CudaDevice device, CudaEventRing eventRing) {
        this.device = device;
        this.eventRing = eventRing;
    }

    /** Queues a batch's copy, and has the user wait for it. The source may be changed when this returns. */
    DeviceBuffer upload(MemorySegment source, CudaStream user) {
        Slot slot = free(source.byteSize());
        slot.taken = true;
        eventRing.await(slot.busyUntil);
        MemorySegment.copy(source, 0, slot.pinned.segment(), 0, source.byteSize());
        if (slot.freed > 0) {
            device.copies().waitFor(slot.released);
        }
        device.copies().toDevice(slot.pinned, 0, slot.memory.address(), source.byteSize());
        slot.copied.record(device.copies());
        user.waitFor(slot.copied);
        slot.busyUntil = eventRing.next();
        return slot.memory;
    }

    /** The one that was released longest ago; new ones are made while fewer than two of this size wait. */
    private Slot free(long bytes) {
        Slot oldest = null;
        int waiting = 0;
        for (Slot slot : slots) {
            if (!slot.taken && slot.memory.bytes() == bytes) {
                waiting++;
                oldest = oldest == null || slot.freed < oldest.freed ? slot : oldest;
            }
        }
        if (oldest == null || waiting < 2) {
            Slot made = new Slot(device, bytes);
            slots.add(made);
            return made;
        }
        return oldest;
    }

    /**
     * Has a stream wait for a batch's copy.
     *
     * @return whether the memory is a batch
     */
    boolean await(Object memory, CudaStream user) {
        for (Slot slot : slots) {
            if (slot.memory == memory) {
                user.waitFor(slot.copied);
                return true;
            }
        }
        return false;
    }

    /**
     * Takes a batch's memory back after the work queued on the stream.
     *
     * @return whether the memory is a batch
     */
    boolean release(Object memory, CudaStream last) {
        for (Slot slot : slots) {
            if (slot.memory == memory) {
                slot.released.record(last);
                slot.taken = false;
                slot.freed = ++releases;
                return true;
            }
        }
        return false;
    }
}
