package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the native jar holds for CUDA: sources always, compiled kernels and their report where nvcc was there. */
class CudaReportTest {
    private static final String FOLDER = "/dev/palimpsest/native/cuda/";
    private static final List<String> KERNELS = CudaDevice.sources();

    @TempDir
    private Path folder;

    @Test
    void everySourceIsKnown() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("../native/kernels"))) {
            assertEquals(
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> name.endsWith(".cu"))
                            .map(name -> name.substring(0, name.length() - 3))
                            .collect(Collectors.toSet()),
                    Set.copyOf(KERNELS));
        }
    }

    @Test
    void sourcesAreInTheJar() {
        Stream.concat(
                        KERNELS.stream().map(name -> "kernels/" + name + "/" + name + ".cu"),
                        Stream.of(
                                "kernels/cuda/device.cuh",
                                "kernels/cuda/team.cuh",
                                "kernels/cuda/rows.cuh",
                                "kernels/cuda/launch.h",
                                "kernels/kernels.def",
                                "include/palimpsest.h"))
                .forEach(file -> assertNotNull(CudaReportTest.class.getResource(FOLDER + file), file));
    }

    @Test
    void theReportSaysWhatWasCompiledAndNothingSpills() throws IOException {
        List<String> report = report();
        if (report.getFirst().startsWith("CUDA kernels were not compiled: ")) {
            KERNELS.forEach(name -> assertNull(CudaReportTest.class.getResource(FOLDER + name + ".fatbin"), name));
            return;
        }
        KERNELS.forEach(name -> assertNotNull(CudaReportTest.class.getResource(FOLDER + name + ".fatbin"), name));
        assertTrue(
                report.stream()
                        .allMatch(line ->
                                line.matches("palimpsest_cuda_\\w+ sm_\\d+: \\d+ registers, 0 bytes spilled, .*")),
                () -> String.join("\n", report));
        Set<String> compiled = report.stream()
                .map(line -> line.substring(0, line.indexOf(':')))
                .collect(Collectors.toSet());
        Set<String> expected = Stream.of("sm_80", "sm_90", "sm_100")
                .flatMap(arch -> kernels().map(name -> name + " " + arch))
                .collect(Collectors.toSet());
        assertEquals(expected, compiled);
    }

    /** The script that compiles a .cu file, with a stand-in for nvcc that says what ptxas would. */
    @ParameterizedTest
    @ValueSource(ints = {0, 8})
    void aKernelThatSpillsFailsTheBuildAndOthersAreReported(int spilled) throws Exception {
        Path nvcc = Files.writeString(folder.resolve("nvcc"), """
            #!/bin/sh
            while [ "$1" != -o ]; do shift; done
            echo image > "$2"
            echo "ptxas info    : Compiling entry function 'palimpsest_cuda_some' for 'sm_90'" >&2
            echo "    0 bytes stack frame, %d bytes spill stores, 0 bytes spill loads" >&2
            echo "ptxas info    : Used 40 registers, used 1 barriers, 512 bytes smem, 400 bytes cmem[0]" >&2
            """.formatted(spilled));
        assertTrue(nvcc.toFile().setExecutable(true));
        Process cmake = new ProcessBuilder(
                        "cmake",
                        "-DNVCC=" + nvcc,
                        "-DSOURCE=some.cu",
                        "-DINCLUDE=.",
                        "-DFATBIN=" + folder.resolve("some.fatbin"),
                        "-DREPORT=" + folder.resolve("report"),
                        "-P",
                        "../cmake/cuda-compile.cmake")
                .redirectErrorStream(true)
                .start();
        String said = new String(cmake.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (spilled == 0) {
            assertEquals(0, cmake.waitFor(), said);
            assertEquals(
                    "palimpsest_cuda_some sm_90: 40 registers, 0 bytes spilled, 512 bytes static shared memory\n",
                    Files.readString(folder.resolve("report")));
        } else {
            assertNotEquals(0, cmake.waitFor());
            assertTrue(said.contains("palimpsest_cuda_some on sm_90: 8 bytes"), said);
            assertFalse(Files.exists(folder.resolve("some.fatbin")), "no image is left behind");
        }
    }

    private static Stream<String> kernels() {
        return NativeLibrary.cudaKernels().stream().map(kernel -> "palimpsest_cuda_" + kernel.name());
    }

    private static List<String> report() throws IOException {
        try (InputStream in = CudaReportTest.class.getResourceAsStream(FOLDER + "cuda-report.txt")) {
            assertNotNull(in, "cuda-report.txt");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }
}
