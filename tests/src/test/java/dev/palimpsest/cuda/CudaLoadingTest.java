package dev.palimpsest.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.cli.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Looking for CUDA in processes of their own: without a driver, with the driver double, with damaged files in the way. */
class CudaLoadingTest {
    private static final String JCUDA = "libJCudaDriver-12.6.0-linux-x86_64.so";

    @TempDir
    private Path temporary;

    @Test
    void withoutADriverTheSentenceSaysSoAndNothingOfJCudaIsTouched() throws Exception {
        assumeTrue(!driverHere(), "not run: this machine has an NVIDIA driver");
        String said = probe("-Xlog:class+load:stdout");
        assertTrue(said.contains("trouble: the NVIDIA driver is missing: libcuda.so.1 was not found by the system's linker; install"),
                said);
        assertTrue(said.contains("dev.palimpsest.cuda.CudaLibrary"), "the log of classes is there");
        assertFalse(said.contains("jcuda.driver.JCudaDriver "), said);
        assertFalse(said.contains("jcuda.LibUtils"), said);
    }

    @Test
    void aFolderWithoutTheLibraryIsNamed() throws Exception {
        assumeTrue(!driverHere(), "not run: this machine has an NVIDIA driver");
        String said = probe("-Dpalimpsest.cuda.libraries=" + temporary);
        assertTrue(said.contains("libcuda.so.1 was not found in " + temporary + " or by the system's linker"), said);
    }

    @Test
    void aDamagedDriverLibraryIsAnErrorNotACrash() throws Exception {
        Path folder = Files.createDirectory(temporary.resolve("libraries"));
        Files.write(folder.resolve("libcuda.so.1"), Arrays.copyOf(Files.readAllBytes(OwnProcess.DOUBLES.resolve("libcuda.so.1")), 4000));
        String said = probe("-Dpalimpsest.cuda.libraries=" + folder);
        assertTrue(said.contains("trouble: the NVIDIA driver is missing: " + folder.resolve("libcuda.so.1") + " cannot be loaded"), said);
    }

    @Test
    void jcudaComesFromAPrivateFolderWhateverLiesInTheTemporaryOne() throws Exception {
        Files.write(temporary.resolve(JCUDA), new byte[] {0x7f, 'E', 'L', 'F'}); // what JCuda itself would load
        String said = probe("-Dpalimpsest.cuda.libraries=" + OwnProcess.DOUBLES);
        assertTrue(said.contains("trouble: none\ndevices: 1\n"), said);
        assertTrue(said.contains("java.io.tmpdir: " + temporary + "\n"), said);
        Path ours = unpacked();
        byte[] whole = Files.readAllBytes(ours);
        Files.write(ours, Arrays.copyOf(whole, whole.length / 2));
        assertTrue(probe("-Dpalimpsest.cuda.libraries=" + OwnProcess.DOUBLES).contains("devices: 1\n"));
        assertArrayEquals(whole, Files.readAllBytes(ours));
    }

    @Test
    void doctorNamesEachLibraryThatIsNotThere() throws Exception {
        assumeTrue(!driverHere(), "not run: this machine has an NVIDIA driver");
        Path folder = Files.createDirectory(temporary.resolve("driver-only"));
        Files.copy(OwnProcess.DOUBLES.resolve("libcuda.so.1"), folder.resolve("libcuda.so.1"));
        String said = new OwnProcess(temporary).libraries(folder).run(Main.class, "doctor");
        assertTrue(said.matches("(?s).*\\+ GPU +driver for CUDA 13\\.0, one device\n.*"), said);
        assertTrue(said.matches("(?s).*\\+ GPU device +cuda:0 .*"), said);
        for (String library : List.of("cuBLAS", "cuDNN", "NVRTC")) {
            assertTrue(said.matches("(?s).*- GPU " + library + " +" + library + " is missing: lib\\S+ was not found in " + folder
                    + " or by .*name a folder that has it with -Dpalimpsest\\.cuda\\.libraries=FOLDER\n.*"), said);
        }
        assertTrue(said.contains("GPU kernels"), said);
    }

    private Path unpacked() throws IOException {
        try (Stream<Path> files = Files.walk(temporary)) {
            return files.filter(file -> file.endsWith(JCUDA) && !file.getParent().equals(temporary)).findFirst().orElseThrow();
        }
    }

    private static boolean driverHere() {
        return OwnProcess.systemHas("libcuda.so.1");
    }

    private String probe(String... options) throws IOException, InterruptedException {
        return new OwnProcess(temporary).with(options).run(ProbeMain.class);
    }
}
