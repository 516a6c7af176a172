package dev.palimpsest.cuda;

import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/** A point in a stream's work, which other streams or the host can wait for, and whose time the device takes. */
public final class CudaEvent implements AutoCloseable {
    private final CudaDevice device;
    private final CUevent event = new CUevent();
    private boolean closed;

    CudaEvent(CudaDevice device) {
        this.device = device;
        Driver.check(JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DEFAULT), "making an event");
        device.adopt(this);
    }

    CUevent handle() {
        return event;
    }

    /**
     * Happens when everything queued on the stream until now is done; replaces an earlier recording.
     *
     * @param stream whose queued work the event waits for
     */
    public void record(CudaStream stream) {
        Driver.check(JCudaDriver.cuEventRecord(event, stream.handle()), "recording an event");
    }

    /** The host waits. */
    public void synchronize() {
        Driver.check(JCudaDriver.cuEventSynchronize(event), "waiting for an event");
    }

    /**
     * Milliseconds by the device's clock from the other event to this one; both have happened.
     *
     * @param earlier an event that was recorded before
     * @return milliseconds between the two
     */
    public float millisecondsSince(CudaEvent earlier) {
        float[] milliseconds = new float[1];
        Driver.check(
                JCudaDriver.cuEventElapsedTime(milliseconds, earlier.event, event),
                "taking the time between two events");
        return milliseconds[0];
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.disown(this);
            device.closing(JCudaDriver.cuEventDestroy(event), "closing an event");
        }
    }
}
