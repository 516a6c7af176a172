package dev.palimpsest.kernel.ffi;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Which folders of unpacked libraries are in use. A process holds a shared lock on each that it uses until it ends;
 * whoever gets a folder's lock alone may remove it. Thread-safe.
 */
final class NativeFolders {
    private static final String LOCK = ".in-use";
    /** Never closed: a lock lasts as long as its channel. */
    private static final Map<Path, FileChannel> USED = new HashMap<>();

    private NativeFolders() {}

    /** Keeps other processes from removing a folder. Waits for one that is about to. */
    static synchronized void use(Path folder) throws IOException {
        if (USED.containsKey(folder) && Files.exists(folder.resolve(LOCK))) {
            return;
        }
        while (true) {
            PrivateFolder.make(folder);
            FileChannel channel = open(folder);
            try {
                channel.lock(0, Long.MAX_VALUE, true);
            } catch (OverlappingFileLockException e) {
                return; // this process has it already, through another class loader
            }
            if (Files.exists(folder.resolve(LOCK))) {
                USED.put(folder, channel);
                return;
            }
            channel.close(); // it was removed before the lock was given
        }
    }

    /** Removes the folders beside this one that hold the same file and are not in use. */
    static synchronized void removeOthers(Path folder, String file) throws IOException {
        List<Path> others;
        try (Stream<Path> all = Files.list(folder.getParent())) {
            others = all.filter(other -> !other.equals(folder))
                    .filter(other -> Files.isDirectory(other, LinkOption.NOFOLLOW_LINKS))
                    .filter(other -> Files.isRegularFile(other.resolve(file), LinkOption.NOFOLLOW_LINKS))
                    .toList();
        }
        for (Path other : others) {
            try (FileChannel channel = open(other);
                    FileLock alone = channel.tryLock()) {
                if (alone != null) {
                    remove(other);
                }
            } catch (IOException | OverlappingFileLockException e) {
                // In use by this process, or somebody else is removing it: another start will find it.
            }
        }
    }

    private static FileChannel open(Path folder) throws IOException {
        return FileChannel.open(
                folder.resolve(LOCK),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
    }

    /** The lock last: whoever waits for it looks whether it is still there. */
    private static void remove(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.filter(file -> !file.endsWith(LOCK)).toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
        Files.delete(folder.resolve(LOCK));
        Files.delete(folder);
    }
}
