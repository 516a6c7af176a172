package dev.palimpsest.tensor;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.internal.Checksum;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Named tensors on their way into one safetensors file, with the checksums that {@link Safetensors} describes. Their
 * memory is read twice when the file is written, so it must not change until that is done. Not thread-safe.
 *
 * @see Safetensors
 */
public final class SafetensorsWriter {
    private static final int CHUNK = 1 << 20;

    private final SortedMap<String, Safetensors.Tensor> tensors = new TreeMap<>();
    private final SortedMap<String, String> metadata = new TreeMap<>();

    /** A file without tensors. */
    public SafetensorsWriter() {}

    /**
     * Adds a tensor of any type.
     *
     * @param name no other tensor of the file has it
     * @param type of the elements
     * @param shape of the tensor
     * @param data row-major, in the byte order of the machine, which is little-endian wherever this library runs
     * @throws IllegalArgumentException if there is a tensor of that name already, or the data does not have the
     *     shape's size
     */
    public void add(String name, Safetensors.Type type, Shape shape, MemorySegment data) {
        if (data.byteSize() != shape.elements() * type.bytes()) {
            throw new IllegalArgumentException("tensor " + name + " needs " + shape.elements() * type.bytes()
                    + " bytes (" + shape + " " + type + "), has " + data.byteSize());
        }
        if (tensors.putIfAbsent(name, new Safetensors.Tensor(type, shape, data)) != null) {
            throw new IllegalArgumentException("there is a tensor " + name + " already: names of a file differ");
        }
    }

    /**
     * Adds a tensor of type F32.
     *
     * @param name no other tensor of the file has it
     * @param shape of the tensor
     * @param values row-major; kept until the file is written, not copied
     * @throws IllegalArgumentException if there is a tensor of that name already, or there are not as many values as
     *     the shape has
     */
    public void add(String name, Shape shape, float[] values) {
        add(name, Safetensors.Type.F32, shape, MemorySegment.ofArray(values));
    }

    /**
     * Adds a tensor of type F64.
     *
     * @param name no other tensor of the file has it
     * @param shape of the tensor
     * @param values row-major; kept until the file is written, not copied
     * @throws IllegalArgumentException if there is a tensor of that name already, or there are not as many values as
     *     the shape has
     */
    public void add(String name, Shape shape, double[] values) {
        add(name, Safetensors.Type.F64, shape, MemorySegment.ofArray(values));
    }

    /**
     * Adds a tensor of type I32.
     *
     * @param name no other tensor of the file has it
     * @param shape of the tensor
     * @param values row-major; kept until the file is written, not copied
     * @throws IllegalArgumentException if there is a tensor of that name already, or there are not as many values as
     *     the shape has
     */
    public void add(String name, Shape shape, int[] values) {
        add(name, Safetensors.Type.I32, shape, MemorySegment.ofArray(values));
    }

    /**
     * Adds a tensor of type I64.
     *
     * @param name no other tensor of the file has it
     * @param shape of the tensor
     * @param values row-major; kept until the file is written, not copied
     * @throws IllegalArgumentException if there is a tensor of that name already, or there are not as many values as
     *     the shape has
     */
    public void add(String name, Shape shape, long[] values) {
        add(name, Safetensors.Type.I64, shape, MemorySegment.ofArray(values));
    }

    /**
     * Whether there is a tensor of a name already.
     *
     * @param name of a tensor
     * @return whether adding another would be refused
     */
    public boolean contains(String name) {
        return tensors.containsKey(name);
    }

    /**
     * The tensors so far.
     *
     * @return their names
     */
    public SortedSet<String> names() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(tensors.keySet()));
    }

    /**
     * Adds a free-form string to the header.
     *
     * @param key a later value for the same key replaces this one
     * @param value any text
     * @throws IllegalArgumentException if the key is one of a checksum
     */
    public void metadata(String key, String value) {
        if (key.startsWith(SafetensorsHeader.CHECKSUM)) {
            throw new IllegalArgumentException("metadata " + key + ": the names of checksums are the writer's own");
        }
        metadata.put(key, value);
    }

    /**
     * The strings of the header so far.
     *
     * @return texts by key
     */
    public SortedMap<String, String> metadata() {
        return Collections.unmodifiableSortedMap(new TreeMap<>(metadata));
    }

    /**
     * Writes the whole file: a header of a multiple of 8 bytes, then tensors of large elements first, so that all are
     * aligned.
     *
     * @param channel is written to from its position on, and left open
     * @throws IOException if the channel cannot be written to
     */
    public void writeTo(WritableByteChannel channel) throws IOException {
        List<Map.Entry<String, Safetensors.Tensor>> ordered = tensors.entrySet().stream()
                .sorted(Comparator.comparingInt(
                        entry -> -entry.getValue().type().bytes()))
                .toList();
        byte[] header = header(ordered);
        ByteBuffer length =
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, header.length);
        writeFully(channel, length);
        writeFully(channel, ByteBuffer.wrap(header));
        byte[] chunk = new byte[CHUNK];
        for (Map.Entry<String, Safetensors.Tensor> entry : ordered) {
            MemorySegment data = entry.getValue().data();
            for (long at = 0; at < data.byteSize(); at += CHUNK) {
                int bytes = (int) Math.min(CHUNK, data.byteSize() - at);
                MemorySegment.copy(data, at, MemorySegment.ofArray(chunk), 0, bytes);
                writeFully(channel, ByteBuffer.wrap(chunk, 0, bytes));
            }
        }
    }

    private byte[] header(List<Map.Entry<String, Safetensors.Tensor>> ordered) {
        ObjectNode header = JsonNodeFactory.instance.objectNode();
        ObjectNode strings = header.putObject("__metadata__");
        metadata.forEach(strings::put);
        strings.put(SafetensorsHeader.CHECKSUM, Checksum.UNKNOWN);
        ordered.forEach(entry -> strings.put(
                SafetensorsHeader.CHECKSUM + "." + entry.getKey(),
                Checksum.of(entry.getValue().data())));
        long begin = 0;
        for (Map.Entry<String, Safetensors.Tensor> entry : ordered) {
            Safetensors.Tensor tensor = entry.getValue();
            ObjectNode node = header.putObject(entry.getKey());
            node.put("dtype", tensor.type().name());
            ArrayNode shape = node.putArray("shape");
            Arrays.stream(tensor.shape().extents()).forEach(shape::add);
            node.putArray("data_offsets").add(begin).add(begin + tensor.data().byteSize());
            begin += tensor.data().byteSize();
        }
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(text, Math.ceilDiv(text.length, Long.BYTES) * Long.BYTES);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        Checksum.mark(padded, SafetensorsHeader.MARK);
        return padded;
    }

    private static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
