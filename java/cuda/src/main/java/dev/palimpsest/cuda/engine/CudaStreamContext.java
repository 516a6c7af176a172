package dev.palimpsest.cuda.engine;

import static jcuda.jcublas.cublasMath.CUBLAS_DEFAULT_MATH;
import static jcuda.jcublas.cublasMath.CUBLAS_TF32_TENSOR_OP_MATH;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.runtime.cudaStream_t;
import org.jspecify.annotations.Nullable;

/** A stream with the libraries' handles that queue on it, and the scratch memory of its convolutions. */
final class CudaStreamContext implements AutoCloseable {
    private final CudaDevice device;
    private final CudaStream stream;
    private final cudnnHandle dnn = new cudnnHandle();
    private final cublasHandle blas = new cublasHandle();
    private @Nullable DeviceBuffer scratch;

    CudaStreamContext(CudaDevice device, CudaStream stream, boolean tf32) {
        this.device = device;
        this.stream = stream;
        check(JCudnn.cudnnCreate(dnn), "opening cuDNN");
        int status = JCublas2.cublasCreate(blas);
        if (status != 0) {
            JCudnn.cudnnDestroy(dnn);
            checkBlas(status, "opening cuBLAS");
        }
        try {
            cudaStream_t handle = new cudaStream_t(stream.handle());
            check(JCudnn.cudnnSetStream(dnn, handle), "giving cuDNN its stream");
            checkBlas(JCublas2.cublasSetStream(blas, handle), "giving cuBLAS its stream");
            checkBlas(
                    JCublas2.cublasSetMathMode(blas, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
                    "choosing cuBLAS's arithmetic");
        } catch (CudaException e) {
            close();
            throw e;
        }
    }

    CudaStream stream() {
        return stream;
    }

    cudnnHandle dnn() {
        return dnn;
    }

    cublasHandle blas() {
        return blas;
    }

    /**
     * Scratch memory of at least so many bytes for the next call on this stream context; grows in the first steps and
     * then stays.
     */
    Pointer scratch(long bytes) {
        if (bytes == 0) {
            return new Pointer();
        }
        if (scratch == null || scratch.bytes() < bytes) {
            if (scratch != null) {
                scratch.close();
                scratch = null;
            }
            scratch = device.memory().allocate(bytes, stream);
        }
        return scratch.pointer();
    }

    static void check(int status, String doing) {
        if (status != 0) {
            throw new CudaException(
                    CudaException.Kind.REFUSED, doing + " was refused by cuDNN: " + JCudnn.cudnnGetErrorString(status));
        }
    }

    static void checkBlas(int status, String doing) {
        if (status != 0) {
            throw new CudaException(
                    CudaException.Kind.REFUSED,
                    doing + " was refused by cuBLAS: " + jcuda.jcublas.cublasStatus.stringFor(status));
        }
    }

    /** What fails here is reported by the device, which closes next. */
    @Override
    public void close() {
        JCublas2.cublasDestroy(blas);
        JCudnn.cudnnDestroy(dnn);
    }
}
