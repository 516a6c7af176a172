package dev.palimpsest.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.palimpsest.kernel.ffi.NativeFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What JCuda's libraries refer to is there, and so is every kernel: a symbol that is missing would end the process at
 * its first call.
 */
@Tag("device")
class DoublesAreCompleteTest {
    private static final int RTLD_NOW = 2;

    @BeforeAll
    static void load() {
        TestDevice.requireDouble();
        DriverDouble.load();
    }

    @ParameterizedTest
    @ValueSource(strings = {"JCudaDriver", "JNvrtc", "JCublas2", "JCudnn"})
    void everySymbolThatJCudaNeedsIsDefined(String name) throws Throwable {
        String file = "lib" + name + "-12.6.0-linux-x86_64.so";
        Path library = NativeFiles.unpack("lib", List.of(file)).resolve(file);
        Linker linker = Linker.nativeLinker();
        var open = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("dlopen"), FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
        var error =
                linker.downcallHandle(linker.defaultLookup().findOrThrow("dlerror"), FunctionDescriptor.of(ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = (MemorySegment) open.invokeExact(arena.allocateFrom(library.toString()), RTLD_NOW);
            if (handle.equals(MemorySegment.NULL)) {
                throw new AssertionError(((MemorySegment) error.invokeExact())
                        .reinterpret(Long.MAX_VALUE)
                        .getString(0));
            }
        }
    }

    @Test
    void everyKernelThatIsLinkedCanBeLaunched() throws IOException {
        Process nm = new ProcessBuilder(
                        "nm", DriverDouble.FOLDER.resolve("libcuda.so.1").toString())
                .redirectErrorStream(true)
                .start();
        Set<String> linked;
        try (Stream<String> lines = nm.inputReader().lines()) {
            linked = lines.map(line -> line.substring(line.lastIndexOf(' ') + 1))
                    .filter(name -> name.startsWith("palimpsest_cuda_"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
        assertFalse(linked.isEmpty());
        assertEquals(
                linked,
                new TreeSet<>(DriverDouble.kernels()),
                "a kernel needs its line in src/test/native/driver/kernels.inc");
    }
}
