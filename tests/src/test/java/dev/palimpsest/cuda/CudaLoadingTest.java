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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Looking for CUDA in processes of their own: without a driver, with the driver double, with damaged files in the way.
 */
class CudaLoadingTest {
    private static final String JCUDA = "libJCudaDriver-12.6.0-linux-x86_64.so";

    @TempDir
    private Path temporary;

    @Test
    void withoutADriverTheSentenceSaysSoAndNothingOfJCudaIsTouched() throws Exception {
        assumeTrue(!driverHere(), "not run: this machine has an NVIDIA driver");
        String said = probe("-Xlog:class+load:stdout");
        assertTrue(
                said.contains(
                        "trouble: the NVIDIA driver is missing: libcuda.so.1 was not found by the system's linker;"
                                + " install"),
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
        Files.write(
                folder.resolve("libcuda.so.1"),
                Arrays.copyOf(Files.readAllBytes(OwnProcess.DOUBLES.resolve("libcuda.so.1")), 4000));
        String said = probe("-Dpalimpsest.cuda.libraries=" + folder);
        assertTrue(
                said.contains("trouble: the NVIDIA driver is missing: " + folder.resolve("libcuda.so.1")
                        + " cannot be loaded"),
                said);
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
            assertTrue(
                    said.matches("(?s).*- GPU " + library + " +" + library + " is missing: lib\\S+ was not found in "
                            + folder
                            + " or by .*name a folder that has it with -Dpalimpsest\\.cuda\\.libraries=FOLDER\n.*"),
                    said);
        }
        assertTrue(said.contains("GPU kernels"), said);
    }

    /**
     * Layers need both libraries: without one a forced GPU is an error, and an automatic choice says why it fell back.
     */
    @ParameterizedTest
    @ValueSource(strings = {"libcublas.so.12", "libcudnn.so.9"})
    void trainingWithoutALibraryFailsWhereForcedAndFallsBackWhereNot(String missing) throws Exception {
        assumeTrue(!OwnProcess.systemHas(missing), "not run: this machine has " + missing);
        Path folder = Files.createDirectory(temporary.resolve("libraries"));
        for (String library : List.of("libcuda.so.1", "libcublasLt.so.12", "libcublas.so.12", "libcudnn.so.9")) {
            if (!library.equals(missing)) {
                Files.createSymbolicLink(folder.resolve(library), OwnProcess.DOUBLES.resolve(library));
            }
        }
        String why = (missing.equals("libcudnn.so.9") ? "cuDNN" : "cuBLAS") + " is missing: " + missing
                + " was not found in " + folder + " or by the system's linker; install ";
        String forced = new OwnProcess(temporary).libraries(folder).ends(1, Main.class, train("forced", "cuda"));
        assertTrue(forced.lines().anyMatch(line -> line.startsWith(why)), forced);
        assertFalse(forced.contains("\tat "), forced);
        String automatic = new OwnProcess(temporary).libraries(folder).run(Main.class, train("automatic", "auto"));
        assertTrue(automatic.lines().anyMatch(line -> line.startsWith("The processor computes: " + why)), automatic);
        assertTrue(
                Files.readString(temporary.resolve("automatic/run.json")).contains("The processor computes: " + why));
    }

    private String[] train(String folder, String device) {
        return new String[] {
            "train",
            "m2kd-digits",
            "--split",
            "2x5",
            "--widths",
            "4,8",
            "--epochs",
            "1",
            "--retrain-epochs",
            "1",
            "--validation",
            "0.95",
            "--exemplars",
            "2",
            "--device",
            device,
            "--out",
            temporary.resolve(folder).toString()
        };
    }

    @Test
    void devicesThatTheEnvironmentHidesAreNamedAsHidden() throws Exception {
        String said = new OwnProcess(temporary)
                .libraries(OwnProcess.DOUBLES)
                .environment("CUDA_VISIBLE_DEVICES", "7")
                .run(ProbeMain.class);
        assertTrue(
                said.contains("trouble: the NVIDIA driver shows no device; CUDA_VISIBLE_DEVICES is \"7\" and hides the"
                        + " others\n"),
                said);
        String forced = new OwnProcess(temporary)
                .libraries(OwnProcess.DOUBLES)
                .environment("CUDA_VISIBLE_DEVICES", "0")
                .ends(1, Main.class, train("forced", "cuda:1"));
        assertTrue(
                forced.contains(
                        "cuda:1 is not there: the driver shows one device, cuda:0; CUDA_VISIBLE_DEVICES is \"0\" and"
                                + " hides the others"),
                forced);
    }

    private Path unpacked() throws IOException {
        try (Stream<Path> files = Files.walk(temporary)) {
            return files.filter(
                            file -> file.endsWith(JCUDA) && !file.getParent().equals(temporary))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static boolean driverHere() {
        return OwnProcess.systemHas("libcuda.so.1");
    }

    private String probe(String... options) throws IOException, InterruptedException {
        return new OwnProcess(temporary).with(options).run(ProbeMain.class);
    }
}
