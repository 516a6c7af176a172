package dev.palimpsest.data;

import dev.palimpsest.internal.Reason;
import dev.palimpsest.internal.TextFile;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** The contents of a stream, uncompressed if it is gzip, and the SHA-256 of its bytes as they came. */
record HashedFile(byte[] contents, String sha256) {
    private static final int BUFFER = 1 << 16;
    /** Bytes of a file, unpacked: 1 GiB, and no more than leaves room for the copies that readers make. */
    static final long LARGEST = Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 4);

    private static final long LARGEST_IMAGE = 512L << 20;

    /** How many bytes follow a header; throws a {@link DataException} for one that cannot be. */
    interface Header {
        long following(byte[] header);
    }

    /**
     * Reads a file, which may be gzip.
     *
     * @throws DataException if the file cannot be read, is damaged gzip, or has more than {@link #LARGEST}
     */
    static HashedFile read(Path path) {
        return read(path, 0, header -> LARGEST);
    }

    /**
     * Reads a file, which may be gzip, as far as its header says and one byte more. Nothing is allocated for what the
     * header says before there are as many bytes.
     *
     * @param length bytes of the header
     * @throws DataException if the file cannot be read, is damaged gzip, or has more than {@link #LARGEST}
     */
    static HashedFile read(Path path, int length, Header header) {
        if (!Files.isRegularFile(path)) { // reading a pipe or a device may never end
            throw new DataException(path + " cannot be read: check that it is a file");
        }
        try (InputStream in = Files.newInputStream(path)) {
            HashedFile file = read(in, length, header);
            if (file.contents.length > LARGEST) {
                throw new DataException(path + " has more than " + LARGEST
                        + " bytes, unpacked if it is gzip, which are the most that are read: put the right file there");
            }
            return file;
        } catch (EOFException | ZipException e) {
            String reason = e.getMessage() == null ? "it ends in its header" : e.getMessage();
            throw new DataException(path + " is not a whole gzip file (" + reason + "): copy it again", e);
        } catch (IOException e) {
            throw new DataException(path + " cannot be read (" + Reason.of(e) + "): " + Reason.remedy(e), e);
        }
    }

    /**
     * The bytes of a file as they lie on the disk.
     *
     * @throws DataException if the file cannot be read
     */
    static byte[] bytes(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new DataException(path + " cannot be read (" + Reason.of(e) + "): " + Reason.remedy(e), e);
        }
    }

    /**
     * The bytes of an image file as they lie on the disk.
     *
     * @throws IOException with the reason, if it is no regular file, cannot be read, or has more than 512 MiB
     */
    static byte[] image(Path path) throws IOException {
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(path, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            throw new IOException(
                    Files.isSymbolicLink(path) ? "a link to what is not there" : "there is no such file", e);
        } catch (FileSystemException e) {
            throw new IOException(Files.isSymbolicLink(path) ? "a link that leads nowhere" : Reason.of(e), e);
        }
        if (!attributes.isRegularFile()) { // reading a pipe or a device may never end
            throw new IOException(attributes.isDirectory() ? "it is a folder" : "it is a pipe or a device, not a file");
        }
        if (attributes.size() > LARGEST_IMAGE) {
            throw new IOException("it has " + attributes.size() + " bytes, at most " + LARGEST_IMAGE + " are read");
        }
        try {
            return Files.readAllBytes(path);
        } catch (FileSystemException e) {
            throw new IOException(Reason.of(e), e);
        }
    }

    /**
     * Text of a file.
     *
     * @throws DataException if it is not UTF-8
     */
    static String text(Path path, byte[] bytes) {
        try {
            return TextFile.decode(path, bytes);
        } catch (IOException e) {
            throw new DataException(String.valueOf(e.getMessage()), e);
        }
    }

    /** The SHA-256 of these bytes, in hexadecimal. */
    static String sha256(byte[] bytes) {
        return HexFormat.of().formatHex(sha256Digest().digest(bytes));
    }

    /**
     * Reads to the end, does not close.
     *
     * @throws IOException also for gzip that is damaged or ends early
     */
    static HashedFile read(InputStream file) throws IOException {
        return read(file, 0, header -> LARGEST);
    }

    private static HashedFile read(InputStream file, int length, Header header) throws IOException {
        MessageDigest digest = sha256Digest();
        InputStream raw = new BufferedInputStream(new DigestInputStream(file, digest), BUFFER);
        raw.mark(2);
        boolean gzip = raw.read() == 0x1f && raw.read() == 0x8b;
        raw.reset();
        @SuppressWarnings("resource") // the caller closes the file
        InputStream plain = gzip ? new GZIPInputStream(raw, BUFFER) : raw;
        byte[] first = plain.readNBytes(length);
        long following = first.length < length ? 0 : header.following(first);
        byte[] rest = plain.readNBytes((int) Math.min(following, LARGEST) + 1);
        byte[] contents = length == 0 ? rest : Arrays.copyOf(first, first.length + rest.length);
        System.arraycopy(rest, 0, contents, first.length, rest.length);
        raw.transferTo(OutputStream.nullOutputStream()); // bytes after the gzip trailer belong to the hash too
        return new HashedFile(contents, HexFormat.of().formatHex(digest.digest()));
    }

    /** A digest that has seen nothing yet. */
    static MessageDigest sha256Digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
