package dev.palimpsest.kernel.ffi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeFilesTest {
    private static final String FOLDER = "dev/palimpsest/native/linux-x86_64";
    private static final String FILE = "libpalimpsest.so";

    @TempDir
    private Path parent;

    private byte[] packed;

    @BeforeEach
    void readPacked() throws IOException {
        try (InputStream in = NativeFiles.class.getClassLoader().getResourceAsStream(FOLDER + "/" + FILE)) {
            packed = in.readAllBytes();
        }
    }

    private Path unpack() throws IOException {
        return NativeFiles.unpack(FOLDER, List.of(FILE), parent);
    }

    @Test
    void theFileIsWholeInAPrivateFolderAndReused() throws IOException {
        Path folder = unpack();
        assertArrayEquals(packed, Files.readAllBytes(folder.resolve(FILE)));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.getParent())));
        Object inode = Files.getAttribute(folder.resolve(FILE), "unix:ino");
        assertEquals(folder, unpack());
        assertEquals(inode, Files.getAttribute(folder.resolve(FILE), "unix:ino"));
        try (Stream<Path> files = Files.list(folder)) {
            assertFalse(files.anyMatch(file -> file.toString().endsWith(".part")));
        }
    }

    @Test
    void aTruncatedOrChangedFileIsReplaced() throws IOException {
        Path file = unpack().resolve(FILE);
        Files.write(file, Arrays.copyOf(packed, packed.length / 2));
        assertArrayEquals(packed, Files.readAllBytes(unpack().resolve(FILE)));
        byte[] changed = packed.clone();
        changed[changed.length / 2] ^= 1;
        Files.write(file, changed);
        assertArrayEquals(packed, Files.readAllBytes(unpack().resolve(FILE)));
        Files.delete(file.resolveSibling(FILE + ".crc32c"));
        Files.write(file, changed);
        assertArrayEquals(packed, Files.readAllBytes(unpack().resolve(FILE)));
    }

    @Test
    void aLinkInPlaceOfTheFileIsReplacedAndItsTargetLeftAlone() throws IOException {
        Path file = unpack().resolve(FILE);
        Path target = Files.write(parent.resolve("target"), packed);
        Files.delete(file);
        Files.createSymbolicLink(file, target);
        unpack();
        assertFalse(Files.isSymbolicLink(file));
        assertArrayEquals(packed, Files.readAllBytes(target));
    }

    @Test
    void aLinkedFolderIsRefused() throws IOException {
        Path elsewhere = Files.createDirectory(parent.resolve("elsewhere"));
        Files.createSymbolicLink(parent.resolve("palimpsest-" + PrivateFolder.user()), elsewhere);
        String message = assertThrows(IOException.class, this::unpack).getMessage();
        assertTrue(message.contains("is a link or a file, not a folder: remove it, or set -Djava.io.tmpdir"), message);
    }

    @Test
    void aFolderOpenToOthersIsRefused() throws IOException {
        Path folder = unpack();
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwx---"));
        String message = assertThrows(IOException.class, this::unpack).getMessage();
        assertTrue(message.contains("is open to others (rwxrwx---): remove it"), message);
    }

    @Test
    void anotherVersionThatNobodyUsesIsRemoved() throws IOException {
        Path mine = unpack();
        Path unused = mine.resolveSibling("0123456789abcdef0123456789abcdef");
        Path used = mine.resolveSibling("fedcba9876543210fedcba9876543210");
        Path different = mine.resolveSibling("kept");
        for (Path folder : List.of(unused, used, different)) {
            PrivateFolder.make(folder);
            Files.write(folder.resolve(folder == different ? "other" : FILE), packed);
        }
        NativeFolders.use(used);
        unpack();
        assertFalse(Files.exists(unused));
        assertArrayEquals(packed, Files.readAllBytes(used.resolve(FILE)));
        assertTrue(Files.exists(different.resolve("other")));
        assertArrayEquals(packed, Files.readAllBytes(mine.resolve(FILE)));
    }

    @Test
    void aFolderThatCannotBeMadeIsNamedWithTheRemedy() throws IOException {
        Path file = Files.createFile(parent.resolve("file"));
        String message = assertThrows(IOException.class, () -> NativeFiles.unpack(FOLDER, List.of(FILE), file))
                .getMessage();
        assertTrue(message.startsWith("cannot make a folder for native code in " + file), message);
        Path none = parent.resolve("none");
        assertEquals(
                "cannot make a folder for native code in " + none + " (there is no such folder): make room there, or"
                        + " set -Djava.io.tmpdir to a folder of your own with 100 MB to spare",
                assertThrows(IOException.class, () -> NativeFiles.unpack(FOLDER, List.of(FILE), none))
                        .getMessage());
        assertTrue(message.endsWith("set -Djava.io.tmpdir to a folder of your own with 100 MB to spare"), message);
    }

    @Test
    void whatIsNoLibraryIsNamed() throws IOException {
        Path text = Files.writeString(parent.resolve("libtext.so"), "text");
        assertEquals(
                "cannot open " + text + ": it is no library for this machine, or one that it needs is missing",
                assertThrows(IOException.class, () -> NativeFiles.load(text)).getMessage());
        Path none = parent.resolve("none.so");
        assertEquals(
                "cannot open " + none + ": there is no such file",
                assertThrows(IOException.class, () -> NativeFiles.load(none)).getMessage());
    }

    @Test
    void aMissingFileIsNamed() {
        assertEquals(
                "nowhere/libnone.so is neither on the class path nor in a module",
                assertThrows(
                                FileNotFoundException.class,
                                () -> NativeFiles.unpack("nowhere", List.of("libnone.so"), parent))
                        .getMessage());
    }
}
