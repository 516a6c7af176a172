package dev.palimpsest.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/**
 * Work on a device in the order in which it was queued. Streams run concurrently; {@link #waitFor} orders them without
 * the host.
 */
public final class CudaStream implements AutoCloseable {
    private final CudaDevice device;
    private final CUstream stream = new CUstream();
    private final CUevent marker = new CUevent();
    private boolean closed;

    CudaStream(CudaDevice device) {
        this.device = device;
        Driver.check(JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING), "opening a stream");
        int status = JCudaDriver.cuEventCreate(marker, CUevent_flags.CU_EVENT_DISABLE_TIMING);
        if (status != 0) {
            JCudaDriver.cuStreamDestroy(stream);
            throw Driver.failure(status, "opening a stream's event");
        }
        device.adopt(this);
    }

    /**
     * For JCuda's calls that take a stream: cuDNN's and cuBLAS's handles.
     *
     * @return the driver's handle, valid until this stream is closed
     */
    public CUstream handle() {
        return stream;
    }

    /**
     * Everything queued here later starts when everything queued on the other stream until now is done. The host goes
     * on.
     *
     * @param other stream of the same device; this stream itself changes nothing
     */
    public void waitFor(CudaStream other) {
        if (other != this) {
            Driver.check(JCudaDriver.cuEventRecord(other.marker, other.stream), "marking a stream");
            Driver.check(JCudaDriver.cuStreamWaitEvent(stream, other.marker, 0), "letting a stream wait for another");
        }
    }

    /**
     * Everything queued here later starts when the event has happened. The host goes on.
     *
     * @param event an event that was recorded
     */
    public void waitFor(Event event) {
        Driver.check(JCudaDriver.cuStreamWaitEvent(stream, event.handle(), 0), "letting a stream wait for an event");
    }

    /**
     * The host waits until everything queued here is done.
     *
     * @throws CudaException of what failed on the device meanwhile
     */
    public void synchronize() {
        Driver.check(JCudaDriver.cuStreamSynchronize(stream), "waiting for a stream");
    }

    /**
     * Copies to the device. The host goes on; the source must stay as it is until the copy is done.
     *
     * @param source pinned memory
     * @param from first byte of the source
     * @param target device address
     * @param bytes how many to copy
     */
    public void toDevice(PinnedBuffer source, long from, long target, long bytes) {
        source.check(from, bytes);
        Driver.check(
                JCudaDriver.cuMemcpyHtoDAsync(
                        Address.device(target), Address.host(source.segment().address() + from), bytes, stream),
                "copying to the device");
    }

    /**
     * Copies to the device and waits: the source is free for other use when this returns.
     *
     * @param source off-heap memory, copied whole
     * @param target device address
     * @throws IllegalArgumentException if the source is a segment over an array
     */
    public void toDevice(MemorySegment source, long target) {
        if (source.byteSize() == 0) {
            return;
        }
        requireNative(source);
        Driver.check(
                JCudaDriver.cuMemcpyHtoDAsync(
                        Address.device(target), Address.host(source.address()), source.byteSize(), stream),
                "copying to the device");
        synchronize();
    }

    /**
     * Copies from the device. The host goes on; the target holds the values when the stream has come that far.
     *
     * @param source device address
     * @param target pinned memory
     * @param to first byte of the target
     * @param bytes how many to copy
     */
    public void toHost(long source, PinnedBuffer target, long to, long bytes) {
        target.check(to, bytes);
        Driver.check(
                JCudaDriver.cuMemcpyDtoHAsync(
                        Address.host(target.segment().address() + to), Address.device(source), bytes, stream),
                "copying from the device");
    }

    /**
     * Copies from the device and waits: the target holds the values when this returns.
     *
     * @param source device address
     * @param target off-heap memory, filled whole
     * @throws IllegalArgumentException if the target is a segment over an array
     */
    public void toHost(long source, MemorySegment target) {
        if (target.byteSize() == 0) {
            return;
        }
        requireNative(target);
        Driver.check(
                JCudaDriver.cuMemcpyDtoHAsync(
                        Address.host(target.address()), Address.device(source), target.byteSize(), stream),
                "copying from the device");
        synchronize();
    }

    /**
     * Copies from device memory to device memory; the host goes on.
     *
     * @param source device address
     * @param target device address
     * @param bytes how many to copy
     */
    public void copy(long source, long target, long bytes) {
        Driver.check(
                JCudaDriver.cuMemcpyDtoDAsync(Address.device(target), Address.device(source), bytes, stream),
                "copying on the device");
    }

    /**
     * Sets bytes to 0; the host goes on.
     *
     * @param target device address
     * @param bytes how many to clear
     */
    public void zero(long target, long bytes) {
        Driver.check(
                JCudaDriver.cuMemsetD8Async(Address.device(target), (byte) 0, bytes, stream), "clearing device memory");
    }

    private static void requireNative(MemorySegment segment) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("got a segment over an array, expected off-heap memory");
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.disown(this);
            int event = JCudaDriver.cuEventDestroy(marker);
            device.closing(event, "closing a stream's event");
            device.closing(JCudaDriver.cuStreamDestroy(stream), "closing a stream");
        }
    }

    /** A point in a stream's work, which other streams or the host can wait for, and whose time the device takes. */
    public static final class Event implements AutoCloseable {
        private final CudaDevice device;
        private final CUevent event = new CUevent();
        private boolean closed;

        Event(CudaDevice device) {
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
        public float millisecondsSince(Event earlier) {
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
}
