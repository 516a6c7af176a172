package dev.palimpsest.checkpoint;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * A folder that one process, and one writer in it, has for itself; the operating system frees it when the process
 * ends, however it ends. The file stays, as whoever deletes it might delete another's. For one thread; the static
 * methods for any.
 */
public final class FolderLock implements AutoCloseable {
    /** Whoever asks whether a lock is free holds it for a moment. */
    private static final int ATTEMPTS = 5;

    private static final int MILLIS_BETWEEN = 20;

    /** The file by which a model that keeps learning is locked. */
    public static final String MODEL = "lock";

    /** Files locked by this process: to open and close one again would free it, as POSIX has it. */
    private static final Set<Path> OURS = ConcurrentHashMap.newKeySet();

    private final Path key;
    private final Path file;
    private final FileChannel channel;

    private FolderLock(Path key, Path file, FileChannel channel) {
        this.key = key;
        this.file = file;
        this.channel = channel;
    }

    /**
     * Locks a folder, if it is free.
     *
     * @param file of the lock, in a folder that exists; it is made if it is not there
     * @return the lock, to be closed; empty where another process or another part of this one has it
     * @throws IOException with a sentence, if the file cannot be written
     */
    public static Optional<FolderLock> take(Path file) throws IOException {
        Path key = key(file);
        if (!OURS.add(key)) {
            return Optional.empty();
        }
        boolean taken = false;
        try {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) { // a pipe waits for somebody who reads
                throw new IOException("it is not a regular file");
            }
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
            try {
                for (int attempt = 0; attempt < ATTEMPTS && !taken; attempt++) {
                    taken = channel.tryLock() != null;
                    if (!taken) {
                        Thread.sleep(MILLIS_BETWEEN);
                    }
                }
                return taken ? Optional.of(new FolderLock(key, file, channel)) : Optional.empty();
            } finally {
                if (!taken) {
                    channel.close();
                }
            }
        } catch (IOException e) {
            throw AtomicFile.explained(file, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        } finally {
            if (!taken) {
                OURS.remove(key);
            }
        }
    }

    private static Path key(Path file) throws IOException {
        try {
            return Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a folder")
                    .toRealPath()
                    .resolve(file.getFileName());
        } catch (IOException e) {
            throw AtomicFile.explained(file, e);
        }
    }

    /**
     * What a folder holds besides a model's lock, which may stay where nothing else is.
     *
     * @param folder that exists
     * @return any other file
     * @throws IOException if the folder cannot be read
     */
    public static Optional<Path> besideModel(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> !file.endsWith(MODEL)).findAny();
        }
    }

    /**
     * Whether somebody has the lock.
     *
     * @param file of the lock, which need not exist
     * @return false also where it cannot be found out
     */
    public static boolean held(Path file) {
        try {
            if (OURS.contains(key(file))) {
                return true;
            }
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                return false;
            }
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
                    FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
                return lock == null;
            }
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Takes room on the disk, so that there is some for a last word when the disk is full.
     *
     * @param bytes to be kept until {@link #freeReserve}
     * @throws IOException with a sentence, if there is no such room now
     */
    public void reserve(int bytes) throws IOException {
        try {
            ByteBuffer content = ByteBuffer.wrap(" ".repeat(bytes).getBytes(US_ASCII));
            while (content.hasRemaining()) {
                channel.write(content, content.position());
            }
        } catch (IOException e) {
            throw AtomicFile.explained(file, e);
        }
    }

    /** Gives the room back to whatever is written next. */
    public void freeReserve() {
        try {
            channel.truncate(0);
        } catch (IOException e) {
            // Then there is no room for the last word, and whoever writes it says so.
        }
    }

    /** Frees the folder. */
    @Override
    public void close() {
        freeReserve();
        try {
            channel.close();
        } catch (IOException e) {
            // The descriptor is gone either way, and the lock with it.
        } finally {
            OURS.remove(key);
        }
    }
}
