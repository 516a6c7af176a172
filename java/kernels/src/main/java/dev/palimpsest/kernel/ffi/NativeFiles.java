package dev.palimpsest.kernel.ffi;

import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;

/**
 * Unpacks shared libraries from the class or module path to a private folder, so that they can be loaded.
 *
 * <p>Each set of files gets a folder named by its content, owned by the user and closed to others, below
 * {@code java.io.tmpdir}. A file is written under a temporary name, forced to disk and renamed, so a process that dies
 * half-way, or two that start at once, leave no partial library behind. What is found there is compared with the size
 * and CRC-32C noted when it was unpacked, and unpacked again if it differs: a SHA-256 of 90 MB takes a tenth of a
 * second of every start, and guards no better where only the owner can write. Other versions of the same files that no
 * process uses are removed.
 */
public final class NativeFiles {
    private static final String REMEDY =
            ": make room there, or set -Djava.io.tmpdir to a folder of your own with 100 MB to spare";
    private static final FileAttribute<?> ALL_OF_OWNER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    private NativeFiles() {}

    /**
     * Makes the files available side by side, under their own names.
     *
     * @param folderOnClassPath for example {@code dev/palimpsest/native/linux-x86_64}
     * @param names files in it
     * @return the folder that holds them
     * @throws FileNotFoundException if one is not on the class path
     * @throws IOException if the folder cannot be made, or is not safe to load from; the message says what to do
     */
    public static Path unpack(String folderOnClassPath, List<String> names) throws IOException {
        return unpack(folderOnClassPath, names, Path.of(System.getProperty("java.io.tmpdir")));
    }

    /**
     * Loads a library for the time of the process.
     *
     * @param file the library
     * @return its symbols
     * @throws IOException if it cannot be loaded; the message says where to look
     */
    public static SymbolLookup load(Path file) throws IOException {
        try {
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            String why = "it is no library for this machine, or one that it needs is missing";
            if (!Files.isRegularFile(file)) {
                why = "there is no such file";
            } else if (forbidsCode(file)) {
                why = "its file system is mounted noexec: set -Djava.io.tmpdir to a folder that code may be loaded"
                        + " from";
            }
            throw new IOException("cannot open " + file + ": " + why, e);
        }
    }

    /** Whether no library of a folder can be loaded: then no file may be executed, whatever its permissions say. */
    private static boolean forbidsCode(Path file) {
        try {
            Path probe = Files.createTempFile(file.toAbsolutePath().getParent(), "probe", "", ALL_OF_OWNER);
            boolean executable = Files.isExecutable(probe);
            Files.delete(probe);
            return !executable;
        } catch (IOException e) {
            return false; // a folder that cannot be written tells nothing
        }
    }

    static Path unpack(String folderOnClassPath, List<String> names, Path parent) throws IOException {
        MessageDigest key = sha256();
        for (String name : names) {
            key.update(
                    (name + " " + identity(resource(folderOnClassPath, name)) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        Path folder = folder(parent, HexFormat.of().formatHex(key.digest(), 0, 16));
        NativeFolders.use(folder);
        for (String name : names) {
            if (!intact(folder, name)) {
                try (InputStream in = resource(folderOnClassPath, name).openStream()) {
                    place(folder, in, name);
                } catch (IOException e) {
                    throw new IOException(
                            "cannot unpack " + name + " to " + folder + " (" + e.getMessage() + ")" + REMEDY, e);
                }
            }
        }
        NativeFolders.removeOthers(folder, names.getFirst());
        return folder;
    }

    /**
     * What {@link #keep} wrote under this name, perhaps in another process.
     *
     * @param name as it was kept under
     * @return the content; empty if there is none, or if it was changed since
     * @throws IOException if it cannot be read, or the folder is not safe
     */
    public static Optional<byte[]> kept(String name) throws IOException {
        Path folder = folder(Path.of(System.getProperty("java.io.tmpdir")), "kept");
        return intact(folder, name) ? Optional.of(Files.readAllBytes(folder.resolve(name))) : Optional.empty();
    }

    /**
     * Keeps code that was made here, as safely as what is unpacked.
     *
     * @param name says what it was made of
     * @param content the code
     * @throws IOException if it cannot be written, or the folder is not safe
     */
    public static void keep(String name, byte[] content) throws IOException {
        place(folder(Path.of(System.getProperty("java.io.tmpdir")), "kept"), new ByteArrayInputStream(content), name);
    }

    private static Path folder(Path parent, String name) throws IOException {
        try {
            Path mine = PrivateFolder.make(parent.resolve("palimpsest-" + PrivateFolder.user()));
            return PrivateFolder.make(mine.resolve(name));
        } catch (FileSystemException e) { // whose message is little more than a path
            String why = switch (e) {
                case NoSuchFileException missing -> "there is no such folder";
                case AccessDeniedException denied -> "permission denied";
                default -> e.getReason() != null ? e.getReason() : "the system refused it";
            };
            throw new IOException("cannot make a folder for native code in " + parent + " (" + why + ")" + REMEDY, e);
        }
    }

    /**
     * Changes with the content. A jar keeps size and checksum of each entry, which saves unpacking 90 MB at every
     * start to compare.
     */
    private static String identity(URL resource) throws IOException {
        URLConnection connection = resource.openConnection();
        if (connection instanceof JarURLConnection jar && jar.getJarEntry().getCrc() >= 0) {
            String name = jar.getJarFileURL().getPath().replaceAll(".*/", "");
            return name + " " + jar.getJarEntry().getSize() + " "
                    + jar.getJarEntry().getCrc();
        }
        CRC32 checksum = new CRC32();
        try (InputStream in = connection.getInputStream()) {
            byte[] bytes = in.readAllBytes();
            checksum.update(bytes);
            return bytes.length + " " + checksum.getValue();
        }
    }

    /**
     * The note is written after the file, so a note without its file, or a file without its note, counts as damaged.
     */
    private static boolean intact(Path folder, String name) throws IOException {
        Path file = folder.resolve(name);
        Path note = note(folder, name);
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                && Files.isRegularFile(note, LinkOption.NOFOLLOW_LINKS)
                && Files.readString(note, StandardCharsets.ISO_8859_1).equals(note(file));
    }

    private static Path note(Path folder, String name) {
        return folder.resolve(name + ".crc32c");
    }

    private static void place(Path folder, InputStream source, String name) throws IOException {
        CRC32C checksum = new CRC32C();
        Path file = folder.resolve(name);
        writeWhole(file, new CheckedInputStream(source, checksum));
        byte[] text = note(file, checksum).getBytes(StandardCharsets.ISO_8859_1);
        writeWhole(note(folder, name), new ByteArrayInputStream(text));
    }

    private static void writeWhole(Path file, InputStream in) throws IOException {
        Path temporary =
                Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part"); // of mode 0600
        try {
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE);
                    OutputStream out = Channels.newOutputStream(channel)) {
                in.transferTo(out);
                channel.force(true);
            }
            // A rename replaces a link or a damaged file itself, never what a link points to.
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static URL resource(String folder, String name) throws IOException {
        String path = folder + "/" + name;
        URL resource = NativeFiles.class.getClassLoader().getResource(path);
        // In a layer with a class loader for each module, only the module's own finds it.
        for (ModuleLayer layer = NativeFiles.class.getModule().getLayer(); resource == null && layer != null; ) {
            for (Module module : layer.modules()) {
                if (resource == null && module.getClassLoader() != null) {
                    resource = module.getClassLoader().getResource(path);
                }
            }
            layer = layer.parents().isEmpty() ? null : layer.parents().getFirst();
        }
        if (resource == null) {
            throw new FileNotFoundException(path + " is neither on the class path nor in a module");
        }
        return resource;
    }

    /** What is noted of a file as it is. */
    private static String note(Path file) throws IOException {
        CRC32C checksum = new CRC32C();
        try (InputStream in = new CheckedInputStream(Files.newInputStream(file), checksum)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return note(file, checksum);
    }

    private static String note(Path file, CRC32C checksum) throws IOException {
        return Files.size(file) + " " + HexFormat.of().toHexDigits((int) checksum.getValue());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
