package dev.palimpsest.kernel.ffi;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;

/** A folder that nobody else can have put anything into: code is loaded from it. */
final class PrivateFolder {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    /** Owned by whoever runs this process; the property user.name can be set to anything. */
    private static final Path PROCESS = Path.of("/proc/self");

    private PrivateFolder() {}

    /** The number of the user that runs this process. */
    static String user() throws IOException {
        return Files.getAttribute(PROCESS, "unix:uid").toString();
    }

    /**
     * Makes the folder if it is missing.
     *
     * @throws IOException if it is a link, of another user, or open to others
     */
    static Path make(Path folder) throws IOException {
        try {
            Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        } catch (FileAlreadyExistsException e) {
            // Checked below, as a new one is.
        }
        String remedy = ": remove it, or set -Djava.io.tmpdir to a folder of your own";
        PosixFileAttributes found = Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!found.isDirectory()) {
            throw new IOException(folder + " is a link or a file, not a folder" + remedy);
        }
        UserPrincipal me = Files.getOwner(PROCESS);
        if (!found.owner().equals(me)) {
            throw new IOException(folder + " belongs to " + found.owner() + ", not to " + me + remedy);
        }
        if (!OWNER_ONLY.containsAll(found.permissions())) {
            throw new IOException(folder + " is open to others (" + PosixFilePermissions.toString(found.permissions())
                    + ")" + remedy);
        }
        return folder;
    }
}
