package dev.palimpsest.internal;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;

/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4) as eight hexadecimal digits. It finds every burst of up to 32 wrong bits
 * and takes a fraction of the time of reading; it does not guard against somebody who means to deceive. Every file that
 * this library writes and reads again carries its own.
 */
public final class Checksum {
    /** Stands where a text has its own checksum while that is computed. */
    public static final String UNKNOWN = "00000000";

    private static final int CHUNK = 1 << 16;

    private Checksum() {}

    /**
     * Of memory.
     *
     * @param data any bytes
     * @return eight digits
     */
    public static String of(MemorySegment data) {
        CRC32C sum = new CRC32C();
        byte[] chunk = new byte[(int) Math.min(CHUNK, data.byteSize())];
        MemorySegment target = MemorySegment.ofArray(chunk);
        for (long at = 0; at < data.byteSize(); at += chunk.length) {
            int bytes = (int) Math.min(chunk.length, data.byteSize() - at);
            MemorySegment.copy(data, at, target, 0, bytes);
            sum.update(chunk, 0, bytes);
        }
        return digits(sum);
    }

    /**
     * Of a file.
     *
     * @param file any
     * @return eight digits
     * @throws IOException if it cannot be read
     */
    public static String of(Path file) throws IOException {
        CRC32C sum = new CRC32C();
        try (CheckedInputStream in = new CheckedInputStream(Files.newInputStream(file), sum)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return digits(sum);
    }

    /**
     * Of a text that has its own checksum after a mark: the checksum's digits count as {@link #UNKNOWN}, and the
     * length is summed first.
     *
     * @param text UTF-8
     * @param mark what stands before the digits and nowhere else
     * @return eight digits; empty if there is no such mark with eight bytes after it
     */
    public static String ofMarked(byte[] text, String mark) {
        int at = position(text, mark);
        if (at < 0) {
            return "";
        }
        CRC32C sum = new CRC32C();
        sum.update(ByteBuffer.allocate(Long.BYTES).putLong(0, text.length));
        sum.update(text, 0, at);
        sum.update(UNKNOWN.getBytes(StandardCharsets.US_ASCII));
        int end = at + UNKNOWN.length();
        sum.update(text, end, text.length - end);
        return digits(sum);
    }

    /**
     * Puts a text's own checksum where it says {@link #UNKNOWN}.
     *
     * @param text UTF-8 with the mark and {@link #UNKNOWN} after it; changed
     * @param mark what stands before the digits and nowhere else
     * @throws IllegalArgumentException if the mark is not there
     */
    public static void mark(byte[] text, String mark) {
        byte[] digits = ofMarked(text, mark).getBytes(StandardCharsets.US_ASCII);
        if (digits.length == 0) {
            throw new IllegalArgumentException("there is no " + mark + " to put a checksum after");
        }
        System.arraycopy(digits, 0, text, position(text, mark), digits.length);
    }

    /** Where the digits begin, or -1. */
    private static int position(byte[] text, String mark) {
        // Bytes as characters of the same number: positions stay what they are.
        int found = new String(text, StandardCharsets.ISO_8859_1)
                .indexOf(new String(mark.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
        int at = found + mark.length();
        return found < 0 || at + UNKNOWN.length() > text.length ? -1 : at;
    }

    private static String digits(CRC32C sum) {
        return HexFormat.of().toHexDigits((int) sum.getValue());
    }
}
