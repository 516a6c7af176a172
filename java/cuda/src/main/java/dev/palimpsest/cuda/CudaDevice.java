package dev.palimpsest.cuda;

import dev.palimpsest.kernel.ffi.DeclaredKernel;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * An opened GPU: its primary context, three streams, its memory and the kernels. It is current for the thread that
 * opened it; any other thread calls {@link #makeCurrent()} before it uses the device or something of it. Closing it
 * frees everything that was made through it.
 */
public final class CudaDevice implements AutoCloseable {
    private final Hardware info;
    private final CUdevice device;
    private final CUcontext context = new CUcontext();
    private final CudaOptions options;
    private final DeviceMemory memory;
    private final Set<AutoCloseable> owned = new LinkedHashSet<>();
    private final Map<String, CudaModule> modules = new HashMap<>();
    private final CudaStream compute;
    private final CudaStream teachers;
    private final CudaStream copies;
    private @Nullable CudaException closingFailure;
    private boolean closed;

    private CudaDevice(int index, CUdevice device, CudaOptions options) {
        this.info = Cuda.info(index, device);
        this.device = device;
        this.options = options;
        this.memory = new DeviceMemory(options.memoryLimit());
        Driver.check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "opening cuda:" + index);
        try {
            makeCurrent();
            compute = new CudaStream(this);
            teachers = new CudaStream(this);
            copies = new CudaStream(this);
        } catch (CudaException e) {
            closeQuietlyAfter(e);
            throw e;
        }
    }

    /**
     * Opens a device and makes it current for the calling thread.
     *
     * @param index as in {@code cuda:1}
     * @param options where libraries are looked for, and how much memory may be taken
     * @return the device, to be closed by the caller
     * @throws CudaException if driver or device are missing or do not start; the message says what to do
     */
    public static CudaDevice open(int index, CudaOptions options) {
        Cuda.start(options);
        return new CudaDevice(index, Cuda.device(index), options);
    }

    /**
     * What the device is.
     *
     * @return name, index, compute capability and memory
     */
    public Hardware info() {
        return info;
    }

    /**
     * What it was opened with.
     *
     * @return the options
     */
    public CudaOptions options() {
        return options;
    }

    /**
     * Its memory pool.
     *
     * @return the pool that all buffers come from
     */
    public DeviceMemory memory() {
        return memory;
    }

    /**
     * For the student's work.
     *
     * @return the stream of the training
     */
    public CudaStream compute() {
        return compute;
    }

    /**
     * For the teachers' work, beside the student's.
     *
     * @return the stream of the teachers
     */
    public CudaStream teachers() {
        return teachers;
    }

    /**
     * For copies from and to the host, beside both.
     *
     * @return the stream of the copies
     */
    public CudaStream copies() {
        return copies;
    }

    /**
     * Memory for work on {@link #compute()}.
     *
     * @param bytes at least 1
     * @return a buffer with undefined values, to be closed by the caller
     * @throws CudaException of kind OUT_OF_MEMORY
     */
    public DeviceBuffer allocate(long bytes) {
        return memory.allocate(bytes, compute);
    }

    /**
     * One more stream.
     *
     * @return a stream, to be closed by the caller
     */
    public CudaStream stream() {
        return new CudaStream(this);
    }

    /**
     * A new event.
     *
     * @return an event, to be closed by the caller
     */
    public CudaStream.Event event() {
        return new CudaStream.Event(this);
    }

    /**
     * Page-locked host memory.
     *
     * @param bytes at least 1
     * @return a buffer with undefined values, to be closed by the caller
     * @throws CudaException of kind OUT_OF_MEMORY
     */
    public PinnedBuffer pinned(long bytes) {
        return new PinnedBuffer(this, bytes);
    }

    /**
     * The .cu files that the library's kernels come from.
     *
     * @return their stems
     * @throws CudaException of kind UNAVAILABLE if libpalimpsest, which lists them, is not here
     */
    public static List<String> sources() {
        LaunchPlan.requireLibrary();
        return NativeLibrary.cudaKernels().stream()
                .map(DeclaredKernel::source)
                .distinct()
                .toList();
    }

    /**
     * A kernel, its image loaded at the first call.
     *
     * @param name as in {@code add_relu}
     * @return the kernel with its declaration
     * @throws IllegalArgumentException if the library lists no such kernel
     * @throws CudaException if no image runs on this device, or libpalimpsest is not here
     */
    public CudaKernel kernel(String name) {
        LaunchPlan.requireLibrary();
        for (DeclaredKernel declared : NativeLibrary.cudaKernels()) {
            if (declared.name().equals(name)) {
                return module(declared.source()).kernel(declared);
            }
        }
        throw new IllegalArgumentException("libpalimpsest lists no CUDA kernel " + name);
    }

    /**
     * Where the compiled kernels of a .cu file came from, as in "built by nvcc".
     *
     * @param source stem of the .cu file
     * @return one phrase for reports
     * @throws CudaException if no image runs on this device
     */
    public String imageOrigin(String source) {
        return module(source).origin();
    }

    private CudaModule module(String source) {
        CudaModule module = modules.get(source);
        if (module == null) {
            module = CudaModule.load(this, source);
            modules.put(source, module);
        }
        return module;
    }

    /** To be called by every thread but the one that opened the device, before it uses it. */
    public void makeCurrent() {
        Driver.check(JCudaDriver.cuCtxSetCurrent(context), "making cuda:" + info.index() + " current");
    }

    /**
     * The host waits for everything queued on the device.
     *
     * @throws CudaException of what failed there meanwhile
     */
    public void synchronize() {
        Driver.check(JCudaDriver.cuCtxSynchronize(), "waiting for the device");
    }

    void adopt(AutoCloseable resource) {
        owned.add(resource);
    }

    void disown(AutoCloseable resource) {
        owned.remove(resource);
    }

    /**
     * A lost device frees everything by itself and refuses all calls; what else fails while closing is told at its
     * end.
     */
    void closing(int status, String doing) {
        if (status != 0 && !Driver.isLost(status) && closingFailure == null) {
            closingFailure = Driver.failure(status, doing);
        }
        if (!closed && closingFailure != null) {
            CudaException failure = closingFailure;
            closingFailure = null;
            throw failure;
        }
    }

    private void closeQuietlyAfter(CudaException e) {
        try {
            close();
        } catch (CudaException second) {
            e.addSuppressed(second);
        }
    }

    /** Waits for the device, then frees modules, memory, streams, events and pinned buffers, whoever holds them. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        closing(JCudaDriver.cuCtxSetCurrent(context), "making the device current");
        closing(JCudaDriver.cuCtxSynchronize(), "waiting for the device");
        modules.values().forEach(CudaModule::unload);
        memory.close(this);
        for (AutoCloseable resource : new ArrayList<>(owned)) {
            close(resource);
        }
        closing(JCudaDriver.cuCtxSetCurrent(new CUcontext()), "leaving the device");
        closing(JCudaDriver.cuDevicePrimaryCtxRelease(device), "closing cuda:" + info.index());
        if (closingFailure != null) {
            throw closingFailure;
        }
    }

    private static void close(AutoCloseable resource) {
        switch (resource) {
            case CudaStream stream -> stream.close();
            case CudaStream.Event event -> event.close();
            case PinnedBuffer buffer -> buffer.close();
            default -> throw new AssertionError(resource);
        }
    }

    /**
     * A GPU that the driver shows.
     *
     * @param index as in {@code cuda:1}; CUDA_VISIBLE_DEVICES decides which devices are counted
     * @param name as its maker calls it
     * @param major of its compute capability: 9 for 9.0, which code for sm_90 runs on
     * @param sharedBytes what a block may take of shared memory at most
     * @param multiprocessors how many
     * @param memoryBytes all its memory
     * @param minor second number of the compute capability
     */
    public record Hardware(
            int index, String name, int major, int minor, int sharedBytes, int multiprocessors, long memoryBytes) {
        /** One line for {@code doctor}. */
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "cuda:%d %s, compute capability %d.%d, %d multiprocessors, %s",
                    index,
                    name,
                    major,
                    minor,
                    multiprocessors,
                    DeviceMemory.size(memoryBytes));
        }
    }
}
