package dev.palimpsest.kernel.ffi;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * Unpacks shared libraries from the class path to a private folder, so that they can be loaded.
 *
 * <p>Each set of files gets a folder named by its content, of mode 0700 and owned by the user, below {@code java.io.tmpdir}. A file is
 * written under a temporary name, forced to disk and renamed, so a process that dies half-way, or two that start at once, leave no partial
 * library behind; what is found there is compared with the packed bytes before it is used. Links and folders of other users are refused.
 */
public final class NativeFiles {
    private static final Set<PosixFilePermission> PRIVATE = PosixFilePermissions.fromString("rwx------");

    private NativeFiles() {}

    /**
     * Makes the files available side by side, under their own names.
     *
     * @param folderInJar folder on the class path, for example {@code dev/palimpsest/native/linux-x86_64}
     * @param names files in it
     * @return the folder that holds them
     * @throws FileNotFoundException if one is not on the class path
     * @throws IOException if the folder cannot be made, or is not safe to load from; the message says what to do
     */
    public static Path unpack(String folderInJar, List<String> names) throws IOException {
        return unpack(folderInJar, names, Path.of(System.getProperty("java.io.tmpdir")));
    }

    static Path unpack(String folderInJar, List<String> names, Path parent) throws IOException {
        // The folder's name is the digest of all files, so another version, or another build, never meets these.
        MessageDigest all = sha256();
        byte[][] digests = new byte[names.size()][];
        for (int i = 0; i < digests.length; i++) {
            digests[i] = digest(resource(folderInJar, names.get(i)));
            all.update(names.get(i).getBytes(StandardCharsets.UTF_8));
            all.update(digests[i]);
        }
        Path mine = privateFolder(parent.resolve("palimpsest-" + System.getProperty("user.name")));
        Path folder = privateFolder(mine.resolve(HexFormat.of().formatHex(all.digest(), 0, 16)));
        for (int i = 0; i < digests.length; i++) {
            place(folder, folderInJar, names.get(i), digests[i]);
        }
        return folder;
    }

    private static void place(Path folder, String folderInJar, String name, byte[] digest) throws IOException {
        Path file = folder.resolve(name);
        if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && MessageDigest.isEqual(digest, digest(Files.newInputStream(file)))) {
            return;
        }
        Path temporary = Files.createTempFile(folder, name, ".part", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            MessageDigest written = sha256();
            try (InputStream in = resource(folderInJar, name);
                    FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE);
                    OutputStream out = new DigestOutputStream(Channels.newOutputStream(channel), written)) {
                in.transferTo(out);
                channel.force(true);
            }
            if (!MessageDigest.isEqual(digest, written.digest())) {
                throw new IOException(name + " changed while it was unpacked from " + folderInJar + ": run again");
            }
            // A rename replaces a link or a damaged file itself, never what a link points to.
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException(folder + " is on a file system without atomic renames: set -Djava.io.tmpdir to another folder", e);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** Makes the folder if it is missing, and refuses one that another user could have filled. */
    private static Path privateFolder(Path folder) throws IOException {
        FileAttribute<Set<PosixFilePermission>> mode = PosixFilePermissions.asFileAttribute(PRIVATE);
        try {
            Files.createDirectory(folder, mode);
        } catch (FileAlreadyExistsException e) {
            // checked below, as a new one is
        }
        PosixFileAttributes found = Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        String me = System.getProperty("user.name");
        String remedy = ": remove it, or set -Djava.io.tmpdir to a folder of your own";
        if (!found.isDirectory()) {
            throw new IOException(folder + " is not a folder but a link or a file" + remedy);
        }
        if (!found.owner().getName().equals(me)) {
            throw new IOException(folder + " belongs to " + found.owner() + ", not to " + me + remedy);
        }
        if (!PRIVATE.containsAll(found.permissions())) {
            throw new IOException(folder + " can be used by others (" + PosixFilePermissions.toString(found.permissions()) + ")" + remedy);
        }
        return folder;
    }

    private static InputStream resource(String folder, String name) throws IOException {
        InputStream in = NativeFiles.class.getClassLoader().getResourceAsStream(folder + "/" + name);
        if (in == null) {
            throw new FileNotFoundException(folder + "/" + name + " is not on the class path");
        }
        return in;
    }

    private static byte[] digest(InputStream source) throws IOException {
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(source, digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return digest.digest();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
