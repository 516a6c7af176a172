package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** java/bin/palimpsest in environments that know no character beyond ASCII, as containers often have them. */
class LauncherTest {
    private static final String PICTURES = "src/test/resources/dev/palimpsest/data/pictures";

    @TempDir
    private Path folder;

    /** Made by a shell, as this process may be in such an environment itself: 狗, 猫 and 鳥 in UTF-8. */
    @BeforeEach
    void pictures() throws IOException, InterruptedException {
        String classes = "\\347\\213\\227 \\347\\214\\253 \\351\\263\\245";
        shell(
                Map.of(),
                "for part in train test; do for class in $(printf '" + classes
                        + "'); do mkdir -p \"$0/$part/$class\" && cp " + PICTURES
                        + "/grey.png \"$0/$part/$class\"; done; done");
    }

    @Test
    void classesOfAnyScriptAreToldApartWhateverTheLocale() throws IOException, InterruptedException {
        for (Map<String, String> environment :
                List.of(Map.<String, String>of(), Map.of("LC_ALL", "C"), Map.of("LANG", "POSIX"))) {
            String lines = shell(environment, "../java/bin/palimpsest data info image-folder --data-folder \"$0\"");
            assertTrue(lines.contains("\n3 classes: 狗, 猫, 鳥\n"), environment + ": " + lines);
        }
    }

    @Test
    void aNameThatIsNoTextIsRefusedByItsBytes() throws IOException, InterruptedException {
        shell(Map.of(), "mkdir \"$0/train/$(printf 'caf\\351')\"");
        String lines =
                shell(Map.of(), "! ../java/bin/palimpsest data info image-folder --data-folder \"$0\" 2>&1 >/dev/null");
        assertEquals(
                folder.resolve("train") + " holds a name that is not text in the character set UTF-8 of this process,"
                        + " caf%E9 with its bytes as %: rename it\n",
                lines);
    }

    /** From a folder elsewhere through two links, the second of them relative. */
    @Test
    void theLauncherIsFoundThroughLinks() throws IOException, InterruptedException {
        String lines = shell(
                Map.of(),
                "mkdir \"$0/bin\" && ln -s \"$PWD/../java/bin/palimpsest\" \"$0/bin/real\" && ln -s real"
                        + " \"$0/bin/palimpsest\" && cd / && \"$0/bin/palimpsest\" --version");
        assertTrue(lines.startsWith("palimpsest "), lines);
    }

    @Test
    void aWrongJdkIsNotPassedOver() throws IOException, InterruptedException {
        String start = "../java/bin/palimpsest --version 2>&1 >/dev/null";
        assertEquals(
                "PALIMPSEST_JDK=/nowhere is no JDK of version 25 or newer (it has no bin/javac or no file named"
                        + " release): set it to the folder of one, or unset it.\n",
                shell(Map.of(), "export PALIMPSEST_JDK=/nowhere; ! " + start));
        String old = "mkdir -p \"$0/old/bin\" && echo 'JAVA_VERSION=\"17.0.2\"' > \"$0/old/release\" && touch"
                + " \"$0/old/bin/javac\" && chmod +x \"$0/old/bin/javac\" && export PALIMPSEST_JDK=\"$0/old\"; ! ";
        assertTrue(shell(Map.of(), old + start).contains("(it is of version 17)"), "its version is said");
    }

    @Test
    void aJdkThatMayCorruptArraysIsNamedByItsVersion() throws IOException, InterruptedException {
        shell(
                Map.of(),
                "mkdir -p \"$0/jdk/bin\" && for name in java javac; do printf '#!/bin/sh\\n' >"
                        + " \"$0/jdk/bin/$name\"; chmod +x \"$0/jdk/bin/$name\"; done");
        for (String version : List.of("25", "25.0.1", "25.0.2", "25.0.2.1", "25.0.3", "25.0.10", "26")) {
            String start = "echo 'JAVA_VERSION=\"" + version + "\"' > \"$0/jdk/release\"; export"
                    + " PALIMPSEST_JDK=\"$0/jdk\"; ../java/bin/palimpsest doctor";
            String lines = shell(Map.of(), start);
            assertEquals(
                    List.of("25", "25.0.1", "25.0.2", "25.0.2.1").contains(version)
                            ? "Warning: the JDK in " + folder + "/jdk may corrupt arrays of images that are being read"
                                    + " (JDK-8377811): install JDK 25.0.3 or newer, or set"
                                    + " JAVA_OPTS=-XX:+UseParallelGC.\n"
                            : "",
                    lines,
                    version);
            assertEquals("", shell(Map.of("JAVA_OPTS", "-Xmx1g -XX:+UseParallelGC"), start), version);
        }
    }

    /** What a command prints that succeeds in this environment alone; $0 is the folder. */
    private String shell(Map<String, String> environment, String command) throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder("/bin/sh", "-c", command, folder.toString()).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(environment);
        builder.environment().put("PALIMPSEST_JDK", System.getProperty("java.home"));
        Process process = builder.start();
        String lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), lines);
        return lines;
    }
}
