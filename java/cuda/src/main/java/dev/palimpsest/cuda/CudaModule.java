package dev.palimpsest.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_IMAGE;
import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_PTX;
import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_SOURCE;
import static jcuda.driver.CUresult.CUDA_ERROR_JIT_COMPILER_NOT_FOUND;
import static jcuda.driver.CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU;
import static jcuda.driver.CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
import static jcuda.driver.CUresult.CUDA_SUCCESS;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.DeclaredKernel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/**
 * The kernels of one .cu file, loaded on a device: from the image that nvcc built into the jar, or, where there is
 * none or the driver refuses it, compiled here by NVRTC from the sources in the jar.
 */
final class CudaModule {
    private static final System.Logger LOG = System.getLogger(CudaModule.class.getPackageName());
    private static final String FOLDER = "dev/palimpsest/native/cuda/";

    private final CudaDevice device;
    private final String source;
    private final String origin;
    private final CUmodule module;
    private final Map<String, CudaKernel> kernels = new HashMap<>();

    private CudaModule(CudaDevice device, String source, String origin, CUmodule module) {
        this.device = device;
        this.source = source;
        this.origin = origin;
        this.module = module;
    }

    /** @param source the stem of the .cu file */
    static CudaModule load(CudaDevice device, String source) {
        CUmodule module = new CUmodule();
        Optional<byte[]> image = built(source);
        String why = "the jar has no compiled kernels";
        if (image.isPresent()) {
            int status = JCudaDriver.cuModuleLoadData(module, image.get());
            if (status == CUDA_SUCCESS) {
                return new CudaModule(device, source, "built by nvcc", module);
            }
            if (!refused(status)) {
                throw Driver.failure(status, "loading the kernels of " + source);
            }
            why = "the driver refuses the compiled ones (" + Driver.name(status) + ")";
        }
        return compile(device, source, why, module);
    }

    private static CudaModule compile(CudaDevice device, String source, String why, CUmodule module) {
        CudaDevice.Hardware info = device.info();
        String arch = info.major() + "." + info.minor();
        RuntimeCompiler.Image image;
        try {
            image = RuntimeCompiler.compile(source, 10 * info.major() + info.minor(), device.options());
        } catch (CudaException e) {
            throw new CudaException(
                    Kind.IMAGE,
                    "no kernels of " + source + " for compute capability " + arch + ": " + why
                            + ", and compiling them here failed: " + e.getMessage(),
                    e);
        }
        int status = JCudaDriver.cuModuleLoadData(module, image.code());
        if (status != CUDA_SUCCESS) {
            CudaException failure = Driver.failure(status, "loading the kernels of " + source);
            throw refused(status)
                    ? new CudaException(
                            Kind.IMAGE,
                            "no kernels of " + source + " for compute capability " + arch + ": " + why
                                    + ", and the driver refuses what NVRTC made, too (" + Driver.name(status)
                                    + "): update the driver")
                    : failure;
        }
        String origin = "compiled by " + image.compiler() + " because " + why;
        LOG.log(Level.INFO, "CUDA kernels of {0}: {1}", source, origin);
        return new CudaModule(device, source, origin, module);
    }

    /** The image is not for this device or this driver; another may be. */
    private static boolean refused(int status) {
        return switch (status) {
            case CUDA_ERROR_NO_BINARY_FOR_GPU,
                    CUDA_ERROR_INVALID_IMAGE,
                    CUDA_ERROR_INVALID_PTX,
                    CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
                    CUDA_ERROR_JIT_COMPILER_NOT_FOUND,
                    CUDA_ERROR_INVALID_SOURCE -> true;
            default -> false;
        };
    }

    private static Optional<byte[]> built(String source) {
        try (InputStream in = CudaModule.class.getClassLoader().getResourceAsStream(FOLDER + source + ".fatbin")) {
            return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("the compiled kernels of " + source + " cannot be read", e);
        }
    }

    /** Where the image came from. */
    String origin() {
        return origin;
    }

    CudaKernel kernel(DeclaredKernel declared) {
        return kernels.computeIfAbsent(declared.name(), name -> {
            CUfunction function = new CUfunction();
            Driver.check(
                    JCudaDriver.cuModuleGetFunction(function, module, "palimpsest_cuda_" + name),
                    "looking for the kernel " + name + " of " + source);
            return new CudaKernel(declared, function);
        });
    }

    void unload() {
        device.closing(JCudaDriver.cuModuleUnload(module), "unloading the kernels of " + source);
    }
}
