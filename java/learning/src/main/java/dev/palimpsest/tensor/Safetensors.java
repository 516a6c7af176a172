package dev.palimpsest.tensor;

import dev.palimpsest.internal.Checksum;
import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;

/**
 * The named tensors of one safetensors file: a little-endian u64 with the length of the header, a JSON header, raw
 * little-endian data.
 *
 * <p>The whole file is read and checked at once, so a truncated or inconsistent file fails in {@link #read} and
 * nowhere later. What the format forbids is refused: names that come twice, tensors that overlap or leave bytes
 * between them, anything after the header's JSON or the last tensor. Tensors of types that are not read here (BOOL, F8
 * and others) only matter to who asks for them. Immutable and safe to share between threads.
 *
 * <p>Files of {@link SafetensorsWriter} carry checksums in their metadata, where other programs see strings that mean
 * nothing to them: {@code palimpsest_crc32c.NAME} is the CRC-32C of the data of tensor NAME, and
 * {@code palimpsest_crc32c} that of the header: of its length as a big-endian u64, then of its bytes, in which the
 * eight digits of this checksum itself count as zeros. Where they are there they are checked, and they are hidden from
 * {@link #metadata}; {@link #checked} refuses a file that has none.
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

    /** What a Java array holds. */
    private static final int MOST_BYTES = Integer.MAX_VALUE - 8;

    private static final int MOST_NAMED = 6;
    private static final String VARIANCE = "running_var";
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String source;
    private final SafetensorsHeader header;
    /** All bytes after the header. */
    private final MemorySegment data;

    /**
     * Reads a file, at most 2 GiB long.
     *
     * @param file is read whole and closed
     * @return its tensors
     * @throws IOException if the file cannot be read, is truncated, contradicts itself or its checksums; the message
     *     says what and where
     */
    public static Safetensors read(Path file) throws IOException {
        return of(file.toString(), bytes(file));
    }

    /**
     * Reads bytes that are already in memory; later changes to the array show through.
     *
     * @param source what to call them in error messages
     * @param bytes a whole file; kept, not copied
     * @return its tensors
     * @throws IOException if the bytes are truncated, or contradict themselves or their checksums; the message says
     *     what and where
     */
    public static Safetensors of(String source, byte[] bytes) throws IOException {
        return new Safetensors(source, bytes);
    }

    /**
     * The content of a file, to be given to {@link #of}.
     *
     * @param file at most 2 GiB long
     * @return all of it
     * @throws NoSuchFileException if there is no such file
     * @throws IOException with a sentence, if it cannot be read, is no regular file or larger than the memory
     */
    public static byte[] bytes(Path file) throws IOException {
        try {
            BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
            if (!found.isRegularFile()) {
                throw new IOException(file + " is no file of tensors: it is "
                        + (found.isDirectory() ? "a folder" : "a pipe or a device") + "; give a safetensors file");
            }
            if (found.size() > MOST_BYTES) {
                throw new IOException(file + " has " + found.size() + " bytes, files of up to " + MOST_BYTES
                        + " bytes are read: give a smaller one");
            }
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(
                    file.toString(), null, "there is no such file; check its name, or restore it from a copy");
        } catch (FileSystemException e) {
            throw new IOException(file + " cannot be read (" + Reason.of(e) + "): " + Reason.remedy(e), e);
        } catch (OutOfMemoryError e) {
            throw new IOException(
                    file + " does not fit into the memory that Java may take: allow it more, as with JAVA_OPTS=-Xmx8g",
                    e);
        }
    }

    private Safetensors(String source, byte[] bytes) throws IOException {
        this.source = source;
        try {
            header = new SafetensorsHeader(bytes);
        } catch (IOException e) {
            throw broken(e.getMessage(), e);
        }
        data = MemorySegment.ofArray(bytes).asReadOnly().asSlice(header.bytes);
        for (Map.Entry<String, SafetensorsHeader.Entry> tensor : header.tensors.entrySet()) {
            String expected = header.checksums.get(tensor.getKey());
            String found = expected == null ? "" : Checksum.of(slice(tensor.getValue()));
            if (expected != null && !expected.equals(found)) {
                throw broken("is damaged, or was changed by a program that left the checksums in its metadata: tensor "
                        + tensor.getKey() + " has the checksum " + found + ", expected " + expected);
            }
        }
    }

    /**
     * Refuses a file that {@link SafetensorsWriter} should have written and that has no checksums.
     *
     * @return this
     * @throws IOException with a sentence, if the file has no checksums; where it has some they are right
     */
    public Safetensors checked() throws IOException {
        if (header.checksum.isEmpty()) {
            throw new IOException(source + " has no checksums: it was not written by this version of Palimpsest, or"
                    + " another program changed it; restore the file from a copy");
        }
        return this;
    }

    private MemorySegment slice(SafetensorsHeader.Entry entry) {
        return data.asSlice(entry.begin(), entry.end() - entry.begin());
    }

    private IOException broken(@Nullable String what) {
        return broken(what, null);
    }

    private IOException broken(@Nullable String what, @Nullable Exception cause) {
        return new IOException(
                source + " is not a usable safetensors file: it " + what
                        + "; restore it from a copy, or give another file",
                cause);
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
        return Collections.unmodifiableSortedSet((SortedSet<String>) header.tensors.keySet());
    }

    /**
     * The header's free-form strings, without checksums.
     *
     * @return values by key; empty if there are none
     */
    public SortedMap<String, String> metadata() {
        return Collections.unmodifiableSortedMap(header.metadata);
    }

    /**
     * Whether there is a tensor of a name.
     *
     * @param name as the file has it
     * @return whether {@link #tensor} would find it
     */
    public boolean contains(String name) {
        return header.tensors.containsKey(name);
    }

    /**
     * The header's checksum, which covers the checksums of all tensors: files of different content differ in it, but
     * for one in four billion.
     *
     * @return eight hexadecimal digits; empty if the file has none
     */
    public Optional<String> checksum() {
        return header.checksum.isEmpty() ? Optional.empty() : Optional.of(header.checksum);
    }

    /**
     * The tensor of a name, without a copy.
     *
     * @param name as the file has it
     * @return type, shape and data
     * @throws IllegalArgumentException if the file has no tensor of that name, or its type is none of {@link Type}
     */
    public Tensor tensor(String name) {
        SafetensorsHeader.Entry entry = entry(name);
        for (Type type : Type.values()) {
            if (type.name().equals(entry.type())) {
                return new Tensor(type, entry.shape(), slice(entry));
            }
        }
        throw new IllegalArgumentException(source + ": tensor " + name + " has the element type " + entry.type()
                + ", expected one of U8, I32, I64, F16, BF16, F32, F64");
    }

    private SafetensorsHeader.Entry entry(String name) {
        SafetensorsHeader.Entry entry = header.tensors.get(name);
        if (entry == null) {
            List<String> some = names().stream().limit(MOST_NAMED).toList();
            throw new IllegalArgumentException(source + " has no tensor " + name + "; it has "
                    + (some.isEmpty() ? "none" : String.join(", ", some))
                    + (names().size() > MOST_NAMED ? " and " + (names().size() - MOST_NAMED) + " more" : ""));
        }
        return entry;
    }

    /**
     * The shape of a tensor of any type.
     *
     * @param name as the file has it
     * @return extents, outermost first
     * @throws IllegalArgumentException if the file has no tensor of that name
     */
    public Shape shape(String name) {
        return entry(name).shape();
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

    /**
     * A copy of a tensor of a network, as {@link #asFloats} has it, with values that a network can have learnt.
     *
     * @param name as the file has it; one that ends with {@code running_var} is of variances
     * @return elements, row-major; finite, and at least 0 if they are variances
     * @throws IllegalArgumentException in one sentence that names the tensor, if it is missing, of a type of integers,
     *     or holds any other value
     */
    public float[] weights(String name) {
        float[] values = asFloats(name);
        for (int i = 0; i < values.length; i++) {
            boolean negative = values[i] < 0 && name.endsWith(VARIANCE);
            if (!Float.isFinite(values[i]) || negative) {
                throw new IllegalArgumentException(source + ": tensor " + name + " holds " + values[i] + " at place "
                        + i + " of " + values.length + ", expected "
                        + (negative ? "variances of at least 0" : "finite values")
                        + ": take weights of a training that went well, or the file from a copy");
            }
        }
        return values;
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
