package dev.palimpsest.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.internal.Checksum;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/** Mutants with the checksums that are right for them: others would be refused for their checksums alone. */
final class Sealed {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String KEY = "\"palimpsest_crc32c";

    private Sealed() {}

    /**
     * A file's bytes with right checksums, as far as it still has a place for them.
     *
     * @param bytes of a safetensors file, of JSON or of anything else
     * @return the same where nothing is to be changed
     */
    static byte[] of(byte[] bytes) {
        byte[] sealed = bytes.clone();
        if (bytes.length > 0 && bytes[0] == '{') {
            mark(sealed, KEY + "\" : \"");
            return sealed;
        }
        if (!isSafetensors(bytes)) {
            return bytes;
        }
        int begin = Long.BYTES + (int) headerLength(bytes);
        byte[] header = Arrays.copyOfRange(bytes, Long.BYTES, begin);
        try {
            for (Map.Entry<String, JsonNode> tensor : JSON.readTree(header).properties()) {
                long from = tensor.getValue().path("data_offsets").path(0).asLong(-1);
                long to = tensor.getValue().path("data_offsets").path(1).asLong(-1);
                if (0 <= from && from <= to && to <= bytes.length - begin) {
                    MemorySegment data = MemorySegment.ofArray(bytes).asSlice(begin + from, to - from);
                    put(header, KEY + "." + tensor.getKey() + "\":\"", Checksum.of(data));
                }
            }
        } catch (IOException e) {
            return bytes; // no JSON: it is refused for that
        }
        mark(header, KEY + "\":\"");
        System.arraycopy(header, 0, sealed, Long.BYTES, header.length);
        return sealed;
    }

    /** Whether the bytes begin with the length of a header that they are long enough for. */
    static boolean isSafetensors(byte[] bytes) {
        return bytes.length > Long.BYTES
                && headerLength(bytes) > 0
                && headerLength(bytes) <= bytes.length - Long.BYTES
                && bytes[Long.BYTES] == '{';
    }

    private static long headerLength(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static void mark(byte[] text, String mark) {
        put(text, mark, Checksum.ofMarked(text, mark));
    }

    private static void put(byte[] text, String mark, String digits) {
        int at = new String(text, StandardCharsets.ISO_8859_1).indexOf(mark) + mark.length();
        if (at >= mark.length() && at + digits.length() <= text.length) {
            System.arraycopy(digits.getBytes(StandardCharsets.US_ASCII), 0, text, at, digits.length());
        }
    }
}
