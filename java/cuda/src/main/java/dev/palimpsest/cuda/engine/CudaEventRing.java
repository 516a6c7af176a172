package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaStream;

/**
 * Numbered points in a stream's work. The host waits for one only if it does not know yet that the stream has come
 * that far, so that whoever reads a loss now and then has memory of earlier steps back without waiting for it.
 */
final class CudaEventRing {
    private final CudaStream stream;
    private final CudaStream.Event[] events;
    private long set;
    private long passed;

    CudaEventRing(CudaDevice device, CudaStream stream, int count) {
        this.stream = stream;
        events = new CudaStream.Event[count];
        for (int i = 0; i < count; i++) {
            events[i] = device.event();
        }
    }

    /** Number of the point that will be set next: it comes after everything queued until now. */
    long next() {
        return set + 1;
    }

    /**
     * Sets the next point.
     *
     * @return its number
     */
    long set() {
        events[(int) (set % events.length)].record(stream);
        return ++set;
    }

    /** The host goes on when the stream has passed the point; one that is not set yet is set now. */
    void await(long point) {
        if (point > passed) {
            long last = point > set ? set() : point;
            // An event that was recorded again since then stands for a later point, which comes after this one.
            events[(int) ((last - 1) % events.length)].synchronize();
            passed = last;
        }
    }
}
