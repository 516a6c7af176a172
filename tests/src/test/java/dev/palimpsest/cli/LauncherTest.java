package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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

    @Test
    void outputThatIsCutIsNotTakenForWhole() throws IOException, InterruptedException {
        String lines = shell(Map.of(), "! ../java/bin/palimpsest data list 2>&1 >/dev/full");
        assertEquals(
                "What was printed is incomplete (No space left on device): make room where it goes, and give the"
                        + " command again.\n",
                lines);
        assertEquals("", shell(Map.of(), "../java/bin/palimpsest data list 2>&1 | head -c 0"), "nobody reads");
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

    /** As unpacked from an archive with a Java of its own, in a folder with a blank; that Java prints its arguments. */
    @Test
    void aDistributionsOwnJavaIsTakenUnlessAnotherIsNamed() throws IOException, InterruptedException {
        String unpacked = "dist=\"$0/a b\"; mkdir -p \"$dist/bin\" \"$dist/lib\" \"$dist/runtime/bin\" && cp"
                + " ../java/bin/palimpsest \"$dist/bin\" && cp ../cmake/find-jdk.sh \"$dist/lib\" && printf"
                + " '#!/bin/sh\\necho \"$0 $*\"\\n' > \"$dist/runtime/bin/java\" && chmod +x"
                + " \"$dist/runtime/bin/java\" && cd / && ";
        String lines = shell(Map.of(), unpacked + "unset PALIMPSEST_JDK; \"$dist/bin/palimpsest\" doctor");
        String home = folder.toRealPath() + "/a b/";
        assertTrue(lines.startsWith(home + "runtime/bin/java "), lines);
        assertTrue(lines.endsWith("-cp " + home + "lib/* dev.palimpsest.cli.Main doctor\n"), lines);
        lines = shell(Map.of(), unpacked + "export PALIMPSEST_JDK=/nowhere; ! \"$dist/bin/palimpsest\" doctor");
        assertTrue(lines.startsWith("PALIMPSEST_JDK=/nowhere is no JDK"), lines);
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

    /** Of 255 files the JVM may load its classes or not; of 256 it can. */
    @Test
    void tooFewOpenFilesAreSaidBeforeTheyAreMissed() throws IOException, InterruptedException {
        String start = "../java/bin/palimpsest --version 2>&1";
        for (int files : new int[] {20, 30, 255}) {
            assertEquals(
                    "Palimpsest may have only " + files + " files open at a time here, and needs 256: raise the limit"
                            + " with ulimit -n 256, or start it where the limit is higher.\n",
                    shell(Map.of(), "ulimit -n " + files + "; ! " + start));
        }
        assertTrue(shell(Map.of(), "ulimit -n 256; " + start).startsWith("palimpsest "));
        assertTrue(shell(Map.of(), "ulimit -S -n 30; " + start).startsWith("palimpsest "), "raised to the hard limit");
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

    /**
     * In an interactive zsh, where one is installed; elsewhere the script is only seen to ask for zsh's completion.
     * {@code -Drequire.tools=zsh} makes a machine without it an error.
     */
    @Test
    void zshCompletesCommandsAndOptions() throws IOException, InterruptedException {
        String script = shell(Map.of(), "../java/bin/palimpsest completion | tee \"$0/script\"");
        assertTrue(script.contains("bashcompinit"), "zsh's own completion is loaded");
        if (shell(Map.of(), "command -v zsh || true").isEmpty()) {
            assertFalse(
                    System.getProperty("require.tools", "").contains("zsh"),
                    "zsh was not found: install the package zsh");
            System.out.println("zsh was not found: the completion was not tried there");
            return;
        }
        assertEquals(
                "palimpsest predict \npalimpsest train --retrain-epochs \n",
                shell(
                        Map.of("TERM", "dumb"),
                        "timeout 30 zsh -f src/test/resources/dev/palimpsest/zsh-completes.zsh \"$0/script\""
                                + " 'palimpsest pred' 'palimpsest predict '"
                                + " 'palimpsest train --retrain-ep' 'palimpsest train --retrain-epochs '"));
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
