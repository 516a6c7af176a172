package dev.palimpsest.cuda;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What a user may say about CUDA.
 *
 * @param libraries the folder of NVIDIA's libraries (cuBLAS, cuDNN, NVRTC); empty for those that the system's linker
 *     finds
 * @param memoryLimit the most device memory in bytes that {@link DeviceMemory} takes; {@link Long#MAX_VALUE} for all
 *     there is
 */
public record CudaOptions(Optional<Path> libraries, long memoryLimit) {
    /** The system property that names the folder. */
    public static final String LIBRARIES = "palimpsest.cuda.libraries";

    /**
     * Checks the limit.
     *
     * @throws IllegalArgumentException if the limit is not positive
     */
    public CudaOptions {
        if (memoryLimit < 1) {
            throw new IllegalArgumentException("device memory limit " + memoryLimit + " bytes: expected at least 1");
        }
    }

    /**
     * The folder that {@code -Dpalimpsest.cuda.libraries=FOLDER} names, if any, and no limit.
     *
     * @return the options that system properties and environment ask for
     */
    public static CudaOptions ofSystem() {
        return new CudaOptions(
                Optional.ofNullable(System.getProperty(LIBRARIES)).map(Path::of), Long.MAX_VALUE);
    }

    /**
     * The same with a limit of the device's memory.
     *
     * @param bytes the most to take, at least 1
     * @return new options
     */
    public CudaOptions withMemoryLimit(long bytes) {
        return new CudaOptions(libraries, bytes);
    }
}
