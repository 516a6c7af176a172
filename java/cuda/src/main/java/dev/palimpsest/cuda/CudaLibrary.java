package dev.palimpsest.cuda;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.NativeFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * NVIDIA's libraries, and JCuda's beside each. A library is loaded once a process, and NVIDIA's before a class of
 * JCuda is touched: without it JCuda's class would be broken until the process ends.
 */
@SuppressWarnings("ImmutableEnumChecker") // a library of the process: loaded once, under a lock
public enum CudaLibrary {
    /** The driver's library, which comes with the driver. */
    DRIVER(
            "the NVIDIA driver",
            "JCudaDriver",
            "jcuda.driver.JCudaDriver",
            List.of("libcuda.so.1"),
            "install NVIDIA's driver; in a container, start it with --gpus all"),
    /** The compiler for kernels that a driver refuses. */
    NVRTC(
            "NVRTC",
            "JNvrtc",
            "jcuda.nvrtc.JNvrtc",
            List.of("libnvrtc.so.12"),
            "install CUDA 12's NVRTC (package cuda-nvrtc-12-6 or libnvrtc12)"),
    /** Products of matrices. */
    CUBLAS(
            "cuBLAS",
            "JCublas2",
            "jcuda.jcublas.JCublas2",
            List.of("libcublasLt.so.12", "libcublas.so.12"),
            "install CUDA 12's cuBLAS (package libcublas-12-6 or libcublas12)"),
    /** Convolutions, norms and pooling. */
    CUDNN(
            "cuDNN",
            "JCudnn",
            "jcuda.jcudnn.JCudnn",
            List.of("libcudnn.so.9"),
            "install cuDNN 9 for CUDA 12 (package libcudnn9-cuda-12)");

    private static final int ELF = 'E' << 8 | 'L' << 16 | 'F' << 24 | 0x7f;

    private final String title;
    private final String jcudaFile;
    private final String jcudaClass;
    private final List<String> files;
    private final String remedy;
    private boolean loaded;

    CudaLibrary(String title, String jcudaName, String jcudaClass, List<String> files, String remedy) {
        this.title = title;
        this.jcudaFile = "lib" + jcudaName + "-12.6.0-linux-x86_64.so";
        this.jcudaClass = jcudaClass;
        this.files = files;
        this.remedy = remedy;
    }

    /**
     * As a reader would call it.
     *
     * @return the library's name as people know it
     */
    public String title() {
        return title;
    }

    /**
     * Loads the library and JCuda's side of it, unless that has been done.
     *
     * @param options where it is looked for
     * @throws CudaException if it is not there, with a sentence that says what to do
     */
    public void load(CudaOptions options) {
        synchronized (CudaLibrary.class) {
            if (!loaded) {
                files.forEach(file -> load(file, options));
                loadJCuda();
                loaded = true;
            }
        }
    }

    /**
     * Why it cannot be loaded; empty once it is.
     *
     * @param options where it is looked for
     * @return why it is missing; empty if it loads
     */
    public Optional<String> missing(CudaOptions options) {
        try {
            load(options);
            return Optional.empty();
        } catch (CudaException e) {
            return Optional.of(e.getMessage());
        }
    }

    /**
     * A file in the user's folder comes first. What is loaded under its name already, the linker gives to all who ask
     * for it.
     */
    private void load(String file, CudaOptions options) {
        Optional<Path> own = options.libraries()
                .map(folder -> folder.resolve(file).toAbsolutePath())
                .filter(Files::exists);
        try {
            if (own.isPresent()) {
                requireWhole(own.get());
                SymbolLookup.libraryLookup(own.get(), Arena.global());
            } else {
                SymbolLookup.libraryLookup(file, Arena.global());
            }
        } catch (IllegalArgumentException e) {
            String where = own.map(path -> path + " cannot be loaded (" + e.getMessage() + ")")
                    .orElseGet(() -> file + " was not found"
                            + options.libraries()
                                    .map(folder -> " in " + folder + " or by the system's linker")
                                    .orElse(" by the system's linker"));
            String folder =
                    this == DRIVER ? "" : ", or name a folder that has it with -D" + CudaOptions.LIBRARIES + "=FOLDER";
            throw new CudaException(Kind.UNAVAILABLE, title + " is missing: " + where + "; " + remedy + folder, e);
        }
    }

    /**
     * A shared library ends with its table of sections; one that was cut off before, as a broken download is, would
     * end the process.
     */
    private static void requireWhole(Path file) {
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer header = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
            int read = 0;
            while (header.hasRemaining() && read >= 0) {
                read = channel.read(header);
            }
            long end = header.getLong(40)
                    + (long) Short.toUnsignedInt(header.getShort(58)) * Short.toUnsignedInt(header.getShort(60));
            if (header.getInt(0) != ELF || channel.size() < end) {
                throw new IllegalArgumentException("it is no shared library, or not all of one");
            }
        } catch (IOException e) {
            throw new IllegalArgumentException(e.toString(), e);
        }
    }

    private void loadJCuda() {
        try {
            Path folder = NativeFiles.unpack("lib", List.of(jcudaFile));
            initialise(folder);
        } catch (IOException | ReflectiveOperationException | LinkageError e) {
            throw new CudaException(
                    Kind.UNAVAILABLE,
                    "JCuda's part of " + title + ", " + jcudaFile + ", cannot be loaded: " + e.getMessage(),
                    e);
        }
    }

    /**
     * JCuda loads {@code java.io.tmpdir}/its file if that exists, whatever it holds, and unpacks it there otherwise.
     * So it is told that the folder in which we have put the file, whole and out of others' reach, is the place for
     * temporary files, while its class initialises.
     */
    private void initialise(Path folder) throws ReflectiveOperationException {
        String property = "java.io.tmpdir";
        String before = System.getProperty(property);
        System.setProperty(property, folder.toString());
        try {
            Class.forName(jcudaClass, true, CudaLibrary.class.getClassLoader());
        } finally {
            System.setProperty(property, before);
        }
    }
}
