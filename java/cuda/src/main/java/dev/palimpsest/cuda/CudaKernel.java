package dev.palimpsest.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;

import dev.palimpsest.cuda.CudaException.Kind;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/** A kernel that is loaded on a device. */
public final class CudaKernel {
    /** More shared memory than this a kernel must be allowed to take. */
    private static final int ALWAYS_ALLOWED = 48 << 10;

    private final String name;
    private final CUfunction function;
    private int allowedShared = ALWAYS_ALLOWED;

    CudaKernel(String name, CUfunction function) {
        this.name = name;
        this.function = function;
    }

    public String name() {
        return name;
    }

    /**
     * Queues the kernel; allocates nothing, waits for nothing.
     *
     * @param blocks of the grid, which has one dimension
     * @param threads of a block
     * @param sharedBytes dynamic shared memory of a block
     * @param arguments read before this returns
     * @throws CudaException of kind LAUNCH if the device refuses the launch
     */
    public void launch(CudaStream stream, int blocks, int threads, int sharedBytes, CudaArguments arguments) {
        if (sharedBytes > allowedShared) {
            int status = JCudaDriver.cuFuncSetAttribute(
                    function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
            if (status != 0) {
                throw refused(status, blocks, threads, sharedBytes);
            }
            allowedShared = sharedBytes;
        }
        int status = JCudaDriver.cuLaunchKernel(
                function, blocks, 1, 1, threads, 1, 1, sharedBytes, stream.handle(), arguments.pointers(), null);
        if (status != 0) {
            throw refused(status, blocks, threads, sharedBytes);
        }
    }

    private CudaException refused(int status, int blocks, int threads, int sharedBytes) {
        String launch = "launching " + name + " (" + blocks + " blocks of " + threads + " threads and " + sharedBytes
                + " bytes of shared memory)";
        CudaException why = Driver.failure(status, launch);
        return why.kind() == Kind.LOST ? why : new CudaException(Kind.LAUNCH, why.getMessage());
    }
}
