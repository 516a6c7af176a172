package dev.palimpsest.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    private Path folder;

    /** As on a disk that fills up. */
    @Test
    void aWriteThatFailsLeavesTheOldFileWholeAndNothingElse() throws IOException {
        Path file = folder.resolve("run.json");
        AtomicFile.write(file, "old");
        IOException refused = assertThrows(
                IOException.class,
                () -> AtomicFile.write(file, channel -> {
                    channel.write(ByteBuffer.wrap(new byte[] {'n', 'e'}));
                    throw new IOException("No space left on device");
                }));
        assertTrue(
                refused.getMessage().startsWith("Cannot write " + file + ": No space left on device; "),
                refused.getMessage());
        assertEquals("old", Files.readString(file));
        assertEquals(List.of("run.json"), names());
    }

    @Test
    void aLinkInTheWayIsReplacedAndNotFollowed() throws IOException {
        Path outside = Files.writeString(folder.resolve("outside"), "untouched");
        Path file = Files.createSymbolicLink(folder.resolve("run.json"), outside);
        AtomicFile.write(file, "new");
        assertEquals("untouched", Files.readString(outside));
        assertTrue(Files.isRegularFile(file, java.nio.file.LinkOption.NOFOLLOW_LINKS));
        assertEquals("new", Files.readString(file));
    }

    @Test
    void devicesAndPipesAreNotReplaced() throws IOException, InterruptedException {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        Path output = Files.createSymbolicLink(folder.resolve("output"), Path.of("/proc/self/fd/1"));
        for (Path file : List.of(pipe, Files.createSymbolicLink(folder.resolve("link"), pipe), output)) {
            assertEquals(
                    "Cannot write " + file + ": it is a device or a pipe; give the name of a file.",
                    assertThrows(IOException.class, () -> AtomicFile.write(file, "x"))
                            .getMessage());
        }
        assertEquals(Set.of("pipe", "link", "output"), Set.copyOf(names()));
        // Writing into a pipe waits for somebody who reads.
        String lock = assertTimeoutPreemptively(
                Duration.ofSeconds(30),
                () -> assertThrows(IOException.class, () -> FolderLock.take(pipe))
                        .getMessage());
        assertTrue(lock.startsWith("Cannot write " + pipe + ": it is not a regular file; "), lock);
        assertTrue(!Files.isRegularFile(pipe) && Files.isSymbolicLink(output));
    }

    @Test
    void aFolderThatIsNotThereIsNamed() throws IOException {
        Path file = folder.resolve("missing/run.json");
        String sentence = assertThrows(IOException.class, () -> AtomicFile.write(file, "x"))
                .getMessage();
        assertTrue(sentence.startsWith("Cannot write " + file + ": its folder does not exist; "), sentence);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
