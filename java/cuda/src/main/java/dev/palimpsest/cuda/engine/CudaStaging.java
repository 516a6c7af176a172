package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.PinnedBuffer;
import java.lang.foreign.MemorySegment;

/** Brings small values to the device through pinned memory, so that the host goes on while they are copied. */
final class CudaStaging {
    /** Several steps' worth, so that a slot is free again before its turn comes. */
    private static final int SLOTS = 256;

    private final CudaDevice device;
    private final CudaEventRing eventRing;
    private final PinnedBuffer[] slots = new PinnedBuffer[SLOTS];
    private final long[] busyUntil = new long[SLOTS];
    private int next;

    CudaStaging(CudaDevice device, CudaEventRing eventRing) {
        this.device = device;
        this.eventRing = eventRing;
    }

    /** Queues the copy; the source may be changed when this returns. */
    void upload(MemorySegment source, CudaStream stream, long target) {
        long bytes = source.byteSize();
        if (bytes == 0) {
            return;
        }
        int slot = next++ % SLOTS;
        eventRing.await(busyUntil[slot]);
        if (slots[slot] == null || slots[slot].segment().byteSize() < bytes) {
            if (slots[slot] != null) {
                slots[slot].close();
            }
            slots[slot] = device.pinned(Math.max(4096, bytes));
        }
        MemorySegment.copy(source, 0, slots[slot].segment(), 0, bytes);
        stream.toDevice(slots[slot], 0, target, bytes);
        busyUntil[slot] = eventRing.next();
    }
}
