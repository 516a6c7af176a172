package dev.palimpsest.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.palimpsest.internal.Checksum;
import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The header of a safetensors file, read as strictly as the format is written: every name once, every value where and
 * what it must be, and the tensors fill the data without a gap or an overlap. The lengths that it names are held
 * against the file before anything is allocated for them.
 */
final class SafetensorsHeader {
    /** Key of the header's own checksum; a tensor's is this, a dot and its name. */
    static final String CHECKSUM = "palimpsest_crc32c";
    /** What stands before the digits of the header's own checksum: within a string its quotes would be escaped. */
    static final String MARK = "\"" + CHECKSUM + "\":\"";

    private static final String METADATA = "__metadata__";
    /** As the format's own library has it. */
    private static final int MOST_BYTES = 100_000_000;

    /** Bits of an element of every type of the format. */
    private static final Map<String, Integer> BITS = Map.ofEntries(
            Map.entry("BOOL", 8),
            Map.entry("F4", 4),
            Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6),
            Map.entry("U8", 8),
            Map.entry("I8", 8),
            Map.entry("F8_E5M2", 8),
            Map.entry("F8_E4M3", 8),
            Map.entry("F8_E8M0", 8),
            Map.entry("F8_E5M2FNUZ", 8),
            Map.entry("F8_E4M3FNUZ", 8),
            Map.entry("I16", 16),
            Map.entry("U16", 16),
            Map.entry("F16", 16),
            Map.entry("BF16", 16),
            Map.entry("I32", 32),
            Map.entry("U32", 32),
            Map.entry("F32", 32),
            Map.entry("C64", 64),
            Map.entry("F64", 64),
            Map.entry("I64", 64),
            Map.entry("U64", 64));

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /**
     * Where a tensor lies.
     *
     * @param type as the format names it; one of {@link #BITS}
     * @param begin first byte, counted from the end of the header
     * @param end after the last byte
     */
    record Entry(String type, Shape shape, long begin, long end) {}

    /** Bytes of the file before the data. */
    final int bytes;

    final SortedMap<String, Entry> tensors = new TreeMap<>();
    /** Without checksums. */
    final SortedMap<String, String> metadata = new TreeMap<>();
    /** Of the data, by the tensor's name; empty, or for every tensor. */
    final SortedMap<String, String> checksums = new TreeMap<>();
    /** The header's own; empty if the file has none. */
    String checksum = "";

    /**
     * Reads the header of a whole file.
     *
     * @throws IOException that says what is wrong with the file, in words that go on from "it "
     */
    SafetensorsHeader(byte[] file) throws IOException {
        bytes = Long.BYTES + length(file);
        byte[] text = Arrays.copyOfRange(file, Long.BYTES, bytes);
        JsonNode header = parse(text);
        for (Map.Entry<String, JsonNode> entry : header.properties()) {
            if (entry.getKey().equals(METADATA)) {
                metadata(entry.getValue());
            } else {
                tensors.put(entry.getKey(), entry(entry.getKey(), entry.getValue()));
            }
        }
        requireChecksum(text);
        requireTiling(file.length - bytes);
    }

    private static int length(byte[] file) throws IOException {
        if (file.length < Long.BYTES) {
            throw new IOException("has " + file.length + " bytes, expected at least the 8 of the header length");
        }
        long length = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 0 || length > file.length - Long.BYTES) {
            // The first bytes of other formats are never a length that fits.
            String other = OtherFormat.of(file);
            throw new IOException(
                    other.isEmpty()
                            ? "says its header has " + Long.toUnsignedString(length) + " bytes, but only "
                                    + (file.length - Long.BYTES) + " follow"
                            : other);
        }
        if (length > MOST_BYTES) {
            throw new IOException("says its header has " + length + " bytes, more than the " + MOST_BYTES
                    + " that a header may have");
        }
        if (length == 0 || file[Long.BYTES] != '{') {
            throw new IOException("has a header that is not a JSON object: it does not begin with {");
        }
        return (int) length;
    }

    private static JsonNode parse(byte[] text) throws IOException {
        try {
            return JSON.readTree(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(text))
                    .toString());
        } catch (CharacterCodingException e) {
            throw new IOException("has a header that is not UTF-8", e);
        } catch (JsonProcessingException e) {
            throw new IOException("has a header that cannot be read: " + Reason.of(e), e);
        }
    }

    private void metadata(JsonNode node) throws IOException {
        if (!node.isObject()) {
            throw new IOException(
                    "has " + METADATA + " that are " + Reason.brief(node) + ", expected an object of strings");
        }
        for (Map.Entry<String, JsonNode> item : node.properties()) {
            String key = item.getKey();
            if (!item.getValue().isTextual()) {
                throw new IOException("has " + METADATA + " whose " + Reason.brief(key) + " is "
                        + Reason.brief(item.getValue()) + ", expected a string");
            }
            String value = item.getValue().textValue();
            if (key.startsWith(CHECKSUM + ".")) {
                checksums.put(key.substring(CHECKSUM.length() + 1), value);
            } else if (key.equals(CHECKSUM)) {
                checksum = value;
            } else {
                metadata.put(key, value);
            }
        }
    }

    private static Entry entry(String name, JsonNode entry) throws IOException {
        String tensor = "tensor " + Reason.brief(name);
        JsonNode extents = entry.path("shape");
        JsonNode offsets = entry.path("data_offsets");
        if (!extents.isArray() || !offsets.isArray() || offsets.size() != 2) {
            throw new IOException("has a " + tensor + " that lacks a shape or its two data_offsets");
        }
        String type = entry.path("dtype").asText();
        Integer bits = BITS.get(type);
        if (bits == null || !entry.path("dtype").isTextual()) {
            throw new IOException("has a " + tensor + " of the element type '" + Reason.brief(type)
                    + "', which the format does not have");
        }
        int[] shape = new int[extents.size()];
        long size = bits;
        for (int axis = 0; axis < shape.length; axis++) {
            JsonNode extent = extents.get(axis);
            if (!extent.isIntegralNumber() || !extent.canConvertToInt() || extent.intValue() < 0) {
                throw new IOException("has a " + tensor + " with the extent " + Reason.brief(extent)
                        + ", expected 0 to " + Integer.MAX_VALUE);
            }
            shape[axis] = extent.intValue();
            if (Math.multiplyHigh(size, shape[axis]) != 0 || size * shape[axis] < 0) {
                throw new IOException("has a " + tensor + " of more than 2^63 bits");
            }
            size *= shape[axis];
        }
        long begin = offset(tensor, offsets.get(0));
        long end = offset(tensor, offsets.get(1));
        if (end < begin) {
            throw new IOException("has a " + tensor + " at bytes [" + begin + ", " + end + ")");
        }
        if (size % Byte.SIZE != 0 || end - begin != size / Byte.SIZE) {
            throw new IOException("has a " + tensor + " that needs " + Math.ceilDiv(size, (long) Byte.SIZE) + " bytes ("
                    + Shape.of(shape) + " " + type + "), and " + (end - begin) + " in the file");
        }
        return new Entry(type, Shape.of(shape), begin, end);
    }

    private static long offset(String tensor, JsonNode offset) throws IOException {
        if (!offset.isIntegralNumber() || !offset.canConvertToLong() || offset.longValue() < 0) {
            throw new IOException(
                    "has a " + tensor + " with the offset " + Reason.brief(offset) + ", expected at least 0");
        }
        return offset.longValue();
    }

    private void requireChecksum(byte[] text) throws IOException {
        if (checksum.isEmpty() && !checksums.isEmpty()) {
            throw new IOException("has checksums of tensors, but none of its header: it is damaged");
        }
        if (!checksum.isEmpty()) {
            String found = Checksum.ofMarked(text, MARK);
            if (!checksum.equals(found)) {
                throw new IOException("is damaged, or was changed by a program that left the checksums in its metadata:"
                        + " its header has the checksum " + found + ", expected " + Reason.brief(checksum));
            }
            if (!checksums.keySet().equals(tensors.keySet())) {
                throw new IOException("has checksums of other tensors than it holds");
            }
        }
    }

    /** Tensors follow one another from the first byte of the data to the last. */
    private void requireTiling(long dataBytes) throws IOException {
        List<Map.Entry<String, Entry>> ordered = tensors.entrySet().stream()
                .sorted(Comparator.comparingLong((Map.Entry<String, Entry> entry) ->
                                entry.getValue().begin())
                        .thenComparingLong(entry -> entry.getValue().end()))
                .toList();
        long at = 0;
        for (Map.Entry<String, Entry> entry : ordered) {
            Entry tensor = entry.getValue();
            String where = "tensor " + Reason.brief(entry.getKey()) + " at bytes [" + tensor.begin() + ", "
                    + tensor.end() + ")";
            if (tensor.end() > dataBytes) {
                throw new IOException(
                        "has a " + where + ", but holds " + dataBytes + " bytes of data: it is truncated or damaged");
            }
            if (tensor.begin() < at) {
                throw new IOException("has a " + where + ", where another tensor is");
            }
            if (tensor.begin() > at) {
                throw new IOException("has a " + where + ", and bytes " + at + " to " + tensor.begin()
                        + " before it that belong to no tensor");
            }
            at = tensor.end();
        }
        if (at < dataBytes) {
            throw new IOException("has " + (dataBytes - at) + " bytes after its last tensor that belong to none");
        }
    }
}
