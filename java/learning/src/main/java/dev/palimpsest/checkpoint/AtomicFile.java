package dev.palimpsest.checkpoint;

import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Files that are whole or absent whenever the process or the machine stops. */
public final class AtomicFile {
    /** How the names of files end that are not whole yet. */
    public static final String UNFINISHED = ".tmp";

    private AtomicFile() {}

    /** Writes a file's content. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes all of it.
         *
         * @param channel of a new file
         * @throws IOException if it cannot be written
         */
        void writeTo(WritableByteChannel channel) throws IOException;
    }

    /**
     * Replaces the file.
     *
     * @param file in a folder that exists
     * @param text written as UTF-8
     * @throws IOException with a sentence, if it cannot be written; the file is what it was
     */
    public static void write(Path file, String text) throws IOException {
        write(file, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /**
     * Replaces the file.
     *
     * @param file in a folder that exists
     * @param content writes all of it
     * @throws IOException with a sentence, if it cannot be written; the file is what it was
     */
    public static void write(Path file, Content content) throws IOException {
        requireNoDevice(file);
        // A name of its own, so that two writers do not share a file; a new file, so that no link is followed.
        Path temporary = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + UNFINISHED);
        boolean whole = false;
        try {
            try (FileChannel channel =
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            whole = true;
            // Without this the new name may be lost with the power although the content is on the disk.
            try (FileChannel folder = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
                folder.force(true);
            }
        } catch (IOException e) {
            throw explained(file, e);
        } finally {
            if (!whole) {
                Files.deleteIfExists(temporary);
            }
        }
    }

    /** Who may write to its folder would put a file in the place of a device, such as /dev/null, for everybody. */
    private static void requireNoDevice(Path file) throws IOException {
        boolean device = Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file);
        boolean stream = Files.isSymbolicLink(file)
                && Files.readSymbolicLink(file).startsWith("/proc"); // as /dev/stdout, wherever that goes
        if (device || stream) {
            throw new IOException("Cannot write " + file + ": it is a device or a pipe; give the name of a file.");
        }
    }

    /**
     * A failure to write as one sentence.
     *
     * @param path that could not be written
     * @param e what went wrong
     * @return with the path, the reason and what to do
     */
    public static IOException explained(Path path, IOException e) {
        String why = switch (e) {
            case FileAlreadyExistsException exists -> exists.getFile() + " is a file, not a folder";
            case NoSuchFileException missing -> "its folder does not exist";
            case NotDirectoryException file -> file.getFile() + " is a file, not a folder";
            default -> Reason.of(e);
        };
        return new IOException("Cannot write " + path + ": " + why + "; make room there or choose another place.", e);
    }
}
