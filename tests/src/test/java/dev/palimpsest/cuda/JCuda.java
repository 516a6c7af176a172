package dev.palimpsest.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** JCuda's native libraries for tests of the doubles themselves. */
final class JCuda {
    private static final Path FOLDER = Path.of("target/jcuda").toAbsolutePath();

    private JCuda() {}

    /** Initialises one of JCuda's classes, which loads its library and with it the double. JCuda unpacks to the temporary folder. */
    static void initialise(String name) {
        DriverDouble.load();
        String before = System.getProperty("java.io.tmpdir");
        try {
            Files.createDirectories(FOLDER);
            System.setProperty("java.io.tmpdir", FOLDER.toString());
            Class.forName(name);
        } catch (IOException | ClassNotFoundException e) {
            throw new IllegalStateException(e);
        } finally {
            System.setProperty("java.io.tmpdir", before);
        }
    }

    /** Loads a library with all its symbols at once; empty, or the linker's complaint about the first that nobody defines. */
    static String missingSymbol(String library) throws Throwable {
        DriverDouble.load();
        Files.createDirectories(FOLDER);
        Path file = FOLDER.resolve("complete-" + library);
        try (InputStream content = JCuda.class.getResourceAsStream("/lib/" + library)) {
            Files.copy(content, file, StandardCopyOption.REPLACE_EXISTING);
        }
        Linker linker = Linker.nativeLinker();
        SymbolLookup system = linker.defaultLookup();
        var open = linker.downcallHandle(system.findOrThrow("dlopen"),
                FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        var error = linker.downcallHandle(system.findOrThrow("dlerror"), FunctionDescriptor.of(ValueLayout.ADDRESS));
        int now = 2; // RTLD_NOW
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = (MemorySegment) open.invokeExact(arena.allocateFrom(file.toString()), now);
            if (!handle.equals(MemorySegment.NULL)) {
                return "";
            }
            return ((MemorySegment) error.invokeExact()).reinterpret(Long.MAX_VALUE).getString(0);
        }
    }
}
