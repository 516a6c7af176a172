package dev.palimpsest.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
