package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaLibrary;
import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import jcuda.Pointer;

/**
 * The device with its streams, and tensors on it. Everything is queued: the training on one stream, frozen networks
 * concurrently on another, batches on a third, and the host waits only for values that it asks for.
 */
class CudaQueue {
    static final Pointer ONE = Pointer.to(new float[] {1});
    static final Pointer ZERO = Pointer.to(new float[] {0});
    private static final int EVENTS = 256;

    private final CudaOptions cuda;
    private final CudaDevice device;
    private final DeviceOptions options;
    private CudaStreamContext training;
    private CudaStreamContext teaching;
    private CudaStreamContext streamContext;
    private CudaEventRing eventRing;
    private CudaStaging staging;
    private CudaImages images;
    private boolean closed;

    /** Opens the device; {@link #prepare} does the rest, and {@link #close} is to be called if that fails. */
    @SuppressWarnings("NullAway.Init") // prepare sets the rest
    CudaQueue(DeviceOptions options) {
        this.options = options;
        CudaOptions system = CudaOptions.ofSystem();
        cuda = options.memoryMebibytes() > 0 ? system.withMemoryLimit((long) options.memoryMebibytes() << 20) : system;
        device = CudaDevice.open(options.device().index(), cuda);
    }

    void prepare() {
        CudaLibrary.CUBLAS.load(cuda);
        CudaLibrary.CUDNN.load(cuda);
        training = new CudaStreamContext(device, device.compute(), options.tf32());
        streamContext = training;
        teaching = new CudaStreamContext(device, device.teachers(), options.tf32());
        eventRing = new CudaEventRing(device, device.compute(), EVENTS);
        staging = new CudaStaging(device, eventRing);
        images = new CudaImages(device, eventRing);
    }

    public int threads() {
        return options.threads();
    }

    public long allocatedBytes() {
        return device.memory().reservedBytes();
    }

    public Tensor allocate(Shape shape) {
        return tensor(shape, Tensor.Layout.ROW_MAJOR);
    }

    Tensor activation(Shape shape) {
        return tensor(shape, Tensor.Layout.ENGINE);
    }

    Tensor tensor(Shape shape, Tensor.Layout layout) {
        return Tensor.onDevice(this, shape, layout, take(shape.bytes()));
    }

    /** Memory for work on the present stream context. */
    DeviceBuffer take(long bytes) {
        return device.memory().allocate(bytes, streamContext.stream());
    }

    public Tensor tensor(Shape shape, float[] values) {
        Tensor tensor = allocate(shape);
        try (Arena temporary = Arena.ofConfined()) {
            staging.upload(temporary.allocateFrom(JAVA_FLOAT, values), streamContext.stream(), address(tensor));
        }
        return tensor;
    }

    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        return Tensor.onDevice(
                this,
                shape,
                Tensor.Layout.ROW_MAJOR,
                images.upload(rowMajor.asSlice(0, shape.bytes()), streamContext.stream()));
    }

    public void free(Tensor tensor) {
        if (!images.release(tensor.deviceMemory(), training.stream())) {
            buffer(tensor).close();
        }
    }

    /** Lets one holder of a tensor go that no caller has seen. */
    void release(Tensor tensor) {
        if (tensor.letGo()) {
            free(tensor);
        }
    }

    public float[] toArray(Tensor tensor) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment values = temporary.allocate(tensor.shape().bytes(), Float.BYTES);
            streamContext.stream().toHost(address(tensor), values);
            return values.toArray(JAVA_FLOAT);
        }
    }

    /** On the teachers' stream, which need not wait for what the student has queued since its batch arrived. */
    public <T> T concurrently(Tensor input, Supplier<T> work) {
        if (!images.await(input.deviceMemory(), teaching.stream())) {
            teaching.stream().waitFor(training.stream());
        }
        streamContext = teaching;
        try {
            return work.get();
        } finally {
            streamContext = training;
            training.stream().waitFor(teaching.stream());
        }
    }

    /** What is queued on the teachers' stream from now on comes after all of the training until now. */
    void teachersWaitForTraining() {
        teaching.stream().waitFor(training.stream());
    }

    /** Mirrors and losses may be asked for by those who do not know that the engine was closed. */
    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the engine is closed: open another one with Engines.open");
        }
    }

    CudaDevice device() {
        return device;
    }

    DeviceOptions options() {
        return options;
    }

    /** Where work is queued now; null before {@link #prepare}. */
    CudaStreamContext streamContext() {
        return streamContext;
    }

    CudaStreamContext training() {
        return training;
    }

    CudaEventRing eventRing() {
        return eventRing;
    }

    CudaStaging staging() {
        return staging;
    }

    /** Of a tensor, for work on the present stream context. */
    long address(Tensor tensor) {
        return buffer(tensor).usedBy(streamContext.stream()).address();
    }

    /** Of a tensor, for work on the present stream context. */
    Pointer pointer(Tensor tensor) {
        return buffer(tensor).usedBy(streamContext.stream()).pointer();
    }

    private static DeviceBuffer buffer(Tensor tensor) {
        return (DeviceBuffer) tensor.deviceMemory();
    }

    public void close() {
        closed = true;
        for (CudaStreamContext opened : new CudaStreamContext[] {training, teaching}) {
            if (opened != null) {
                opened.close();
            }
        }
        device.close();
    }
}
