package dev.palimpsest.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU;
import static jcuda.driver.CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.palimpsest.cli.RefusingDriverMain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Kernel images that the driver refuses: the sources in the jar are compiled instead, and doctor and log say so, or
 * why not.
 */
class CudaImageTest {
    private static final String FIRST = CudaDevice.sources().getFirst();

    @TempDir
    private Path temporary;

    /**
     * On the class path before the library: an image of the first kernels whether or not nvcc was there to build one.
     */
    private Path hiding;

    @BeforeEach
    void anImageThatAnyDriverKnows() throws IOException {
        byte[] fatbin = {0x50, (byte) 0xed, 0x55, (byte) 0xba, 0, 0, 0, 0};
        hide(FIRST + ".fatbin", fatbin);
    }

    private void hide(String file, byte[] content) throws IOException {
        hiding = temporary.resolve("hiding");
        Path hidden = hiding.resolve("dev/palimpsest/native/cuda").resolve(file);
        Files.createDirectories(hidden.getParent());
        Files.write(hidden, content);
    }

    private String doctor(int refusals, int status, Path libraries) throws IOException, InterruptedException {
        return new OwnProcess(temporary)
                .libraries(libraries)
                .classPathBefore(hiding)
                .run(RefusingDriverMain.class, Integer.toString(status), Integer.toString(refusals));
    }

    private static final String NONE = "cuda:0: no kernels of " + FIRST
            + " for compute capability 9\\.0: the driver refuses the compiled ones \\([^\n]+\\), and ";

    private static String refusal(int status) {
        return "the driver refuses the compiled ones ("
                + switch (status) {
                    case CUDA_ERROR_NO_BINARY_FOR_GPU -> "CUDA_ERROR_NO_BINARY_FOR_GPU";
                    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION -> "CUDA_ERROR_UNSUPPORTED_PTX_VERSION";
                    default -> throw new AssertionError(status);
                }
                + ", ";
    }

    @Test
    void withoutRefusalsTheImageIsTaken() throws Exception {
        String said = doctor(0, CUDA_ERROR_NO_BINARY_FOR_GPU, OwnProcess.DOUBLES);
        assertTrue(said.matches("(?s).*\\+ GPU kernels +cuda:0, built by nvcc.*"), said);
        assertFalse(said.contains(refusal(CUDA_ERROR_NO_BINARY_FOR_GPU)), said);
    }

    @ParameterizedTest
    @CsvSource({CUDA_ERROR_NO_BINARY_FOR_GPU + "", CUDA_ERROR_UNSUPPORTED_PTX_VERSION + ""})
    void aRefusedImageIsCompiledFromItsSourceAndLogAndDoctorSaySo(int status) throws Exception {
        String said = doctor(1, status, OwnProcess.DOUBLES);
        String origin = "compiled by NVRTC 12.999 for sm_90 because " + refusal(status);
        assertTrue(said.contains("INFO: CUDA kernels of " + FIRST + ": " + origin), said);
        assertTrue(
                said.lines().anyMatch(line -> line.startsWith("+ GPU kernels") && line.contains("cuda:0, " + origin)),
                said);
        // What was compiled is kept: the second process takes it from there.
        try (var files = Files.walk(temporary)) {
            assertEquals(
                    1,
                    files.filter(file -> file.getFileName().toString().matches(FIRST + "-sm_90-\\w+\\.cubin"))
                            .count());
        }
        assertTrue(doctor(1, status, OwnProcess.DOUBLES).contains(origin));
    }

    @ParameterizedTest
    @CsvSource({CUDA_ERROR_NO_BINARY_FOR_GPU + "", CUDA_ERROR_UNSUPPORTED_PTX_VERSION + ""})
    void whatIsRefusedTwiceEndsInASentence(int status) throws Exception {
        String said = doctor(2, status, OwnProcess.DOUBLES);
        String kernels = said.lines()
                .filter(line -> line.startsWith("- GPU kernels"))
                .findFirst()
                .orElse(said);
        assertTrue(
                kernels.matches(".*" + NONE
                        + "the driver refuses what NVRTC made, too \\(CUDA_ERROR_\\w+, .+\\): update the driver"),
                said);
    }

    @Test
    void aSourceThatDoesNotCompileIsShownWithTheCompilersLog() throws Exception {
        hide(
                "kernels/" + FIRST + "/" + FIRST + ".cu",
                ("#include \"../cuda/device.cuh\"\n"
                                + "extern \"C\" __global__ void palimpsest_cuda_broken() { missing_here(1); }\n")
                        .getBytes());
        String said = doctor(1, CUDA_ERROR_NO_BINARY_FOR_GPU, OwnProcess.DOUBLES);
        assertTrue(
                said.matches(
                        "(?s).*- GPU kernels +" + NONE + "compiling them here failed: NVRTC 12\\.999 cannot compile "
                                + FIRST + "\\.cu for sm_90 \\(NVRTC_ERROR_COMPILATION\\):\n.*missing_here.*"),
                said);
    }

    @Test
    void anIncludeThatIsNotInTheJarIsShownToo() throws Exception {
        hide("kernels/" + FIRST + "/" + FIRST + ".cu", "#include <nowhere.h>\n".getBytes());
        String said = doctor(1, CUDA_ERROR_NO_BINARY_FOR_GPU, OwnProcess.DOUBLES);
        assertTrue(said.matches("(?s).*cannot compile " + FIRST + "\\.cu for sm_90 [^\n]+:\n.*nowhere\\.h.*"), said);
    }

    @Test
    void withoutNvrtcTheSentenceNamesItsPackage() throws Exception {
        assumeFalse(OwnProcess.systemHas("libnvrtc.so.12"), "not run: this machine has NVRTC");
        Path driverOnly = Files.createDirectory(temporary.resolve("driver-only"));
        // A link, not a copy: the process must not have two doubles.
        Files.createSymbolicLink(driverOnly.resolve("libcuda.so.1"), OwnProcess.DOUBLES.resolve("libcuda.so.1"));
        String said = doctor(1, CUDA_ERROR_UNSUPPORTED_PTX_VERSION, driverOnly);
        assertTrue(
                said.matches("(?s).*- GPU kernels +" + NONE
                        + "compiling them here failed: NVRTC is missing: libnvrtc\\.so\\.12 was not "
                        + "found in " + driverOnly
                        + " or by the system's linker; install CUDA 12's NVRTC \\(package cuda-nvrtc-12-6 or"
                        + " libnvrtc12\\), or name a folder that has it with"
                        + " -Dpalimpsest\\.cuda\\.libraries=FOLDER\n"
                        + ".*"),
                said);
    }
}
