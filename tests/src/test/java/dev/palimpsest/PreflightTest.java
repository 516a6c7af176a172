package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The build names a missing tool and its package before anything else fails. */
class PreflightTest {
    private static final List<String> ALWAYS_THERE = List.of("dirname", "sed", "uname", "make");

    @TempDir
    Path tools;

    @Test
    void withoutTheCompilerOneSentenceNamesItsPackage() throws Exception {
        assertEquals(
                "1: Palimpsest needs the C++ compiler g++, which was not found: install the package g++ and run mvn"
                        + " again.",
                preflight());
    }

    @Test
    void withoutCmakeOneSentenceNamesItsPackage() throws Exception {
        offer("g++");
        assertEquals(
                "1: Palimpsest needs cmake, which was not found: install the package cmake and run mvn again.",
                preflight());
    }

    @Test
    void withEverythingItSaysNothing() throws Exception {
        offer("g++");
        offer("cmake");
        assertEquals("0: ", preflight());
    }

    /** Exit status and output of the script on a machine that has only the tools offered. */
    private String preflight() throws Exception {
        for (String tool : ALWAYS_THERE) {
            offer(tool);
        }
        ProcessBuilder builder = new ProcessBuilder("/bin/sh", "../cmake/preflight.sh").redirectErrorStream(true);
        builder.environment().put("PATH", tools.toString());
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes()).strip();
        return process.waitFor() + ": " + output;
    }

    private void offer(String tool) throws IOException {
        Path wrapper = Files.writeString(
                tools.resolve(tool), "#!/bin/sh\nPATH=" + System.getenv("PATH") + " exec " + tool + " \"$@\"\n");
        assertTrue(wrapper.toFile().setExecutable(true));
    }
}
