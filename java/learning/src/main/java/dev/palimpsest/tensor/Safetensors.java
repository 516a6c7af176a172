package dev.palimpsest.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/**
 * The named tensors of one safetensors file: a little-endian u64 with the length of the header, a JSON header, raw
 * little-endian data.
 *
 * <p>The whole file is read and checked at once, so a truncated or inconsistent file fails in {@link #read} and
 * nowhere later. Immutable and safe to share between threads.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
public final class Safetensors {
    /** Element types this reader knows. */
    public enum Type {
        /** Unsigned byte. */
        U8(1),
        /** Signed 32-bit integer. */
        I32(4),
        /** Signed 64-bit integer. */
        I64(8),
        /** IEEE 754 half precision. */
        F16(2),
        /** The upper half of a float32. */
        BF16(2),
        /** IEEE 754 single precision. */
        F32(4),
        /** IEEE 754 double precision. */
        F64(8);

        private final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }

        /**
         * The size of one element.
         *
         * @return bytes per element
         */
        public int bytes() {
            return bytes;
        }
    }

    /**
     * One tensor of the file.
     *
     * @param type of its elements
     * @param shape as the header has it
     * @param data elements, row-major and little-endian: a read-only view of the file's bytes, without any promise of
     *     alignment
     */
    public record Tensor(Type type, Shape shape, MemorySegment data) {}

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String source;
    private final SortedMap<String, Tensor> tensors = new TreeMap<>();
    private final SortedMap<String, String> metadata = new TreeMap<>();

    /**
     * Reads a file, at most 2 GiB long.
     *
     * @param file is read whole and closed
     * @return its tensors
     * @throws IOException if the file cannot be read, is truncated, or its header contradicts itself; the message says
     *     what and where
     */
    public static Safetensors read(Path file) throws IOException {
        return new Safetensors(file.toString(), Files.readAllBytes(file));
    }

    /**
     * Reads bytes that are already in memory; later changes to the array show through.
     *
     * @param source what to call them in error messages
     * @param bytes a whole file; kept, not copied
     * @return its tensors
     * @throws IOException if the bytes are truncated, or their header contradicts itself; the message says what and
     *     where
     */
    public static Safetensors of(String source, byte[] bytes) throws IOException {
        return new Safetensors(source, bytes);
    }

    private Safetensors(String source, byte[] bytes) throws IOException {
        this.source = source;
        MemorySegment file = MemorySegment.ofArray(bytes).asReadOnly();
        if (bytes.length < Long.BYTES) {
            throw broken("has " + bytes.length + " bytes, expected at least the 8 of the header length");
        }
        long headerBytes = file.get(LONG, 0);
        if (headerBytes < 0 || headerBytes > bytes.length - Long.BYTES) {
            throw broken("says its header has " + headerBytes + " bytes, but only " + (bytes.length - Long.BYTES)
                    + " follow");
        }
        int dataBegin = Long.BYTES + (int) headerBytes;
        MemorySegment data = file.asSlice(dataBegin);
        JsonNode header = parse(new String(bytes, Long.BYTES, (int) headerBytes, StandardCharsets.UTF_8));
        for (Map.Entry<String, JsonNode> entry : header.properties()) {
            if (entry.getKey().equals("__metadata__")) {
                entry.getValue()
                        .properties()
                        .forEach(item ->
                                metadata.put(item.getKey(), item.getValue().asText()));
            } else {
                tensors.put(entry.getKey(), tensor(entry.getKey(), entry.getValue(), data));
            }
        }
    }

    private JsonNode parse(String text) throws IOException {
        try {
            JsonNode header = JsonMapper.builder().build().readTree(text);
            if (!header.isObject()) {
                throw broken("has a header that is not a JSON object");
            }
            return header;
        } catch (JsonProcessingException e) {
            throw broken("has a header that is not JSON: " + e.getOriginalMessage());
        }
    }

    private Tensor tensor(String name, JsonNode entry, MemorySegment data) throws IOException {
        Type type = type(name, entry.path("dtype").asText());
        JsonNode extents = entry.path("shape");
        JsonNode offsets = entry.path("data_offsets");
        if (!extents.isArray()
                || offsets.size() != 2
                || !offsets.path(0).isIntegralNumber()
                || !offsets.path(1).isIntegralNumber()) {
            throw broken("tensor " + name + " lacks a shape or its two data_offsets");
        }
        int[] shape = new int[extents.size()];
        long expected = type.bytes();
        for (int axis = 0; axis < shape.length; axis++) {
            JsonNode extent = extents.get(axis);
            if (!extent.canConvertToInt() || !extent.isIntegralNumber() || extent.intValue() < 0) {
                throw broken("tensor " + name + " has the extent " + extent + ", expected 0 to " + Integer.MAX_VALUE);
            }
            shape[axis] = extent.intValue();
            expected = multiply(name, expected, shape[axis]);
        }
        long begin = offsets.get(0).longValue();
        long end = offsets.get(1).longValue();
        if (begin < 0 || end < begin || end > data.byteSize()) {
            throw broken("tensor " + name + " lies at bytes [" + begin + ", " + end + "), but the file holds "
                    + data.byteSize() + " bytes of data: it is truncated or damaged");
        }
        if (end - begin != expected) {
            throw broken("tensor " + name + " needs " + expected + " bytes (" + Shape.of(shape) + " " + type + "), has "
                    + (end - begin));
        }
        return new Tensor(type, Shape.of(shape), data.asSlice(begin, end - begin));
    }

    private Type type(String name, String text) throws IOException {
        for (Type type : Type.values()) {
            if (type.name().equals(text)) {
                return type;
            }
        }
        throw broken("tensor " + name + " has the element type '" + text
                + "', expected one of U8, I32, I64, F16, BF16, F32, F64");
    }

    private long multiply(String name, long bytes, int extent) throws IOException {
        try {
            return Math.multiplyExact(bytes, (long) extent);
        } catch (ArithmeticException e) {
            throw broken("tensor " + name + " has more than 2^63 bytes");
        }
    }

    private IOException broken(String what) {
        return new IOException(source + " is not a usable safetensors file: it " + what);
    }

    /**
     * The file's name for messages.
     *
     * @return what the tensors were read from
     */
    public String source() {
        return source;
    }

    /**
     * The names of all tensors.
     *
     * @return sorted; not to be changed
     */
    public SortedSet<String> names() {
        return Collections.unmodifiableSortedSet((SortedSet<String>) tensors.keySet());
    }

    /**
     * The header's free-form strings.
     *
     * @return values by key; empty if there are none
     */
    public SortedMap<String, String> metadata() {
        return Collections.unmodifiableSortedMap(metadata);
    }

    /**
     * Whether there is a tensor of a name.
     *
     * @param name as the file has it
     * @return whether {@link #tensor} would find it
     */
    public boolean contains(String name) {
        return tensors.containsKey(name);
    }

    /**
     * The tensor of a name, without a copy.
     *
     * @param name as the file has it
     * @return type, shape and data
     * @throws IllegalArgumentException if the file has no tensor of that name
     */
    public Tensor tensor(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(source + " has no tensor " + name + "; it has " + tensors.keySet());
        }
        return tensor;
    }

    /**
     * The shape of a tensor.
     *
     * @param name as the file has it
     * @return extents, outermost first
     * @throws IllegalArgumentException if the file has no tensor of that name
     */
    public Shape shape(String name) {
        return tensor(name).shape();
    }

    /**
     * A copy of an F32 tensor.
     *
     * @param name as the file has it
     * @return elements, row-major
     * @throws IllegalArgumentException if it is missing or of another type
     */
    public float[] floats(String name) {
        return data(name, Type.F32).toArray(FLOAT);
    }

    /**
     * A copy of a tensor of any floating-point type as float32: exact, but for F64, which is rounded to the nearest.
     *
     * @param name as the file has it
     * @return elements, row-major
     * @throws IllegalArgumentException if it is missing or of a type of integers
     */
    public float[] asFloats(String name) {
        return switch (tensor(name).type()) {
            case F16 -> widened(data(name, Type.F16).toArray(SHORT), Float::float16ToFloat);
            case BF16 -> widened(data(name, Type.BF16).toArray(SHORT), half -> Float.intBitsToFloat(half << 16));
            case F64 -> {
                double[] wide = doubles(name);
                float[] values = new float[wide.length];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) wide[i];
                }
                yield values;
            }
            default -> floats(name);
        };
    }

    private interface Widening {
        float of(short bits);
    }

    private static float[] widened(short[] halves, Widening widening) {
        float[] values = new float[halves.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = widening.of(halves[i]);
        }
        return values;
    }

    /**
     * A copy of an F64 tensor.
     *
     * @param name as the file has it
     * @return elements, row-major
     * @throws IllegalArgumentException if it is missing or of another type
     */
    public double[] doubles(String name) {
        return data(name, Type.F64).toArray(DOUBLE);
    }

    /**
     * A copy of an I32 tensor.
     *
     * @param name as the file has it
     * @return elements, row-major
     * @throws IllegalArgumentException if it is missing or of another type
     */
    public int[] ints(String name) {
        return data(name, Type.I32).toArray(INT);
    }

    /**
     * A copy of an I64 tensor.
     *
     * @param name as the file has it
     * @return elements, row-major
     * @throws IllegalArgumentException if it is missing or of another type
     */
    public long[] longs(String name) {
        return data(name, Type.I64).toArray(LONG);
    }

    /**
     * A copy of a U8 tensor.
     *
     * @param name as the file has it
     * @return elements, row-major; to be read as unsigned
     * @throws IllegalArgumentException if it is missing or of another type
     */
    public byte[] bytes(String name) {
        return data(name, Type.U8).toArray(ValueLayout.JAVA_BYTE);
    }

    private MemorySegment data(String name, Type type) {
        Tensor tensor = tensor(name);
        if (tensor.type() != type) {
            throw new IllegalArgumentException(
                    source + ": tensor " + name + " is " + tensor.type() + ", asked for as " + type);
        }
        return tensor.data();
    }
}
