package dev.palimpsest.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_ECC_UNCORRECTABLE;
import static jcuda.driver.CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR;
import static jcuda.driver.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS;
import static jcuda.driver.CUresult.CUDA_ERROR_LAUNCH_FAILED;
import static jcuda.driver.CUresult.CUDA_ERROR_LAUNCH_TIMEOUT;
import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.CUresult.CUDA_ERROR_UNKNOWN;
import static jcuda.driver.CUresult.CUDA_SUCCESS;

import dev.palimpsest.cuda.CudaException.Kind;
import jcuda.driver.JCudaDriver;

/**
 * Status codes of the driver as exceptions. Texts are made only when they are needed: calls that succeed allocate
 * nothing.
 */
final class Driver {
    private static final int CONTEXT_IS_DESTROYED = 709;
    private static final int DEVICE_UNAVAILABLE = 46;

    private Driver() {}

    /** @param doing what was asked of the driver, as in "copying to the device" */
    static void check(int status, String doing) {
        if (status != CUDA_SUCCESS) {
            throw failure(status, doing);
        }
    }

    static CudaException failure(int status, String doing) {
        if (isLost(status)) {
            return new CudaException(
                    Kind.LOST,
                    doing + " found that the GPU had failed before (" + name(status)
                            + "): a kernel or a copy that was queued earlier is to blame, and everything on the device"
                            + " is lost. Start again; CUDA_LAUNCH_BLOCKING=1 in the environment makes the guilty one"
                            + " report itself");
        }
        if (status == CUDA_ERROR_OUT_OF_MEMORY) {
            return new CudaException(
                    Kind.OUT_OF_MEMORY,
                    doing + " failed: out of memory (" + name(status)
                            + "): use a smaller batch, or see with nvidia-smi what else runs on the device");
        }
        return new CudaException(Kind.REFUSED, doing + " was refused by the CUDA driver: " + name(status));
    }

    /** After these the context cannot be used any more. */
    static boolean isLost(int status) {
        return status == CUDA_ERROR_ILLEGAL_ADDRESS
                || status == CUDA_ERROR_LAUNCH_TIMEOUT
                || status == CONTEXT_IS_DESTROYED
                || (status >= CUDA_ERROR_HARDWARE_STACK_ERROR && status <= CUDA_ERROR_LAUNCH_FAILED)
                || status == CUDA_ERROR_ECC_UNCORRECTABLE
                || status == DEVICE_UNAVAILABLE
                || status == CUDA_ERROR_UNKNOWN;
    }

    /** The driver's own name and sentence for a status. */
    static String name(int status) {
        String[] name = new String[1];
        String[] text = new String[1];
        if (JCudaDriver.cuGetErrorName(status, name) != CUDA_SUCCESS
                || JCudaDriver.cuGetErrorString(status, text) != CUDA_SUCCESS) {
            return "status " + status;
        }
        return name[0] + ", " + text[0];
    }
}
