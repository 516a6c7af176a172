package dev.palimpsest.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the texts that users write: recipes, suites, lists of files. */
public final class TextFile {
    private static final long LARGEST = 256L << 20;
    private static final String BYTE_ORDER_MARK = "\ufeff";

    private TextFile() {}

    /**
     * The text of a file, without the byte order mark that some editors put before it.
     *
     * @param file UTF-8, at most 256 MiB
     * @return its text
     * @throws IOException with a sentence, if it is no regular file, too long, or not UTF-8
     */
    public static String read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) { // a pipe or a device may never end
            throw new IOException(file + " is not a file: give a text file");
        }
        if (Files.size(file) > LARGEST) {
            throw new IOException(file + " has " + Files.size(file) + " bytes, at most " + LARGEST
                    + " are read: give a shorter text file");
        }
        return decode(file, Files.readAllBytes(file));
    }

    /**
     * Text that was read already, without the byte order mark before it.
     *
     * @param file where it was read
     * @param read UTF-8
     * @return the text
     * @throws IOException with a sentence, if it is not UTF-8
     */
    public static String decode(Path file, byte[] read) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(read);
        CharBuffer text = CharBuffer.allocate(bytes.remaining());
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        CoderResult result = decoder.decode(bytes, text, true);
        text.flip();
        if (result.isError()) {
            String before = text.toString();
            throw new IOException(String.format(
                    "%s is not UTF-8 text: byte 0x%02x in line %d, after \"%s\", is no part of it; save the file as"
                            + " UTF-8",
                    file,
                    bytes.get(bytes.position()),
                    before.chars().filter(c -> c == '\n').count() + 1,
                    Reason.brief(before.substring(before.lastIndexOf('\n') + 1))));
        }
        String decoded = text.toString();
        return decoded.startsWith(BYTE_ORDER_MARK) ? decoded.substring(1) : decoded;
    }
}
