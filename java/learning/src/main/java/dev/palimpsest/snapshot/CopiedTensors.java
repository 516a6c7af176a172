package dev.palimpsest.snapshot;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Copies of named tensors, one set per snapshot, in memory of its own. */
final class CopiedTensors implements AutoCloseable {
    /** Keys of a file's metadata: how snapshots are kept, and how many there are. */
    static final String FORM = "snapshots";

    private static final String COUNT = "snapshot_count";
    private static final String PREFIX = "snapshot.";

    private final Arena arena = Arena.ofShared();
    private final List<Map<String, Buffer>> snapshots = new ArrayList<>();
    private long bytes;

    /** Copies the chosen parameters and all buffers as the next snapshot. */
    void add(List<Parameter> parameters, Predicate<Parameter> chosen, List<Buffer> buffers) {
        Map<String, Buffer> copies = new LinkedHashMap<>();
        for (Parameter parameter : parameters) {
            if (chosen.test(parameter)) {
                put(copies, parameter.name(), parameter.shape(), parameter.read());
            }
        }
        buffers.forEach(buffer -> put(copies, buffer.name(), buffer.shape(), buffer.read()));
        snapshots.add(copies);
    }

    private void put(Map<String, Buffer> copies, String name, Shape shape, MemorySegment value) {
        MemorySegment copy = arena.allocate(shape.bytes(), 64).copyFrom(value);
        bytes += shape.bytes();
        if (copies.put(name, new Buffer(name, shape, copy.asReadOnly())) != null) {
            throw new IllegalArgumentException(
                    "two tensors of the model are named " + name + ": snapshots find them by name");
        }
    }

    /** As tensors named snapshot.s.NAME. */
    void write(SafetensorsWriter file, String form) {
        file.metadata(FORM, form);
        file.metadata(COUNT, Integer.toString(count()));
        for (int s = 1; s <= count(); s++) {
            for (Buffer copy : snapshots.get(s - 1).values()) {
                file.add(prefix(s) + copy.name(), Safetensors.Type.F32, copy.shape(), copy.read());
            }
        }
    }

    /** @throws IllegalArgumentException if a tensor is missing, superfluous, or does not fit the model */
    static CopiedTensors read(Safetensors file, List<Parameter> chosen, List<Buffer> buffers) {
        CopiedTensors read = new CopiedTensors();
        try {
            String count = file.metadata().getOrDefault(COUNT, "0");
            long found = file.names().stream()
                    .filter(name -> name.startsWith(PREFIX))
                    .count();
            for (int s = 1; !count.equals(Integer.toString(s - 1)); s++) {
                if (found == 0) {
                    throw new IllegalArgumentException(
                            "it has tensors of " + (s - 1) + " snapshots, expected " + count);
                }
                Map<String, Buffer> copies = new LinkedHashMap<>();
                int rows = 0;
                for (Parameter parameter : chosen) {
                    boolean head = parameter.role() == Parameter.Role.HEAD;
                    if (head && rows == 0) {
                        rows = rows(file, prefix(s) + parameter.name(), parameter.shape());
                    }
                    read.put(copies, file, s, parameter.name(), head ? head(parameter, rows) : parameter.shape());
                }
                for (Buffer buffer : buffers) {
                    read.put(copies, file, s, buffer.name(), buffer.shape());
                }
                read.snapshots.add(copies);
                found -= copies.size();
            }
            if (found != 0) {
                throw new IllegalArgumentException("it has tensors of more snapshots than " + count);
            }
            return read;
        } catch (RuntimeException e) {
            read.close();
            throw e;
        }
    }

    /** Classes that a snapshot's heads have; at most as many as the model's have now. */
    private static int rows(Safetensors file, String tensor, Shape now) {
        Shape found = file.shape(tensor);
        if (found.rank() != now.rank() || found.extent(0) < 1 || found.extent(0) > now.extent(0)) {
            throw new IllegalArgumentException("its tensor " + tensor + " is " + found + ", expected at most " + now);
        }
        return found.extent(0);
    }

    private static Shape head(Parameter parameter, int rows) {
        int[] extents = parameter.shape().extents();
        extents[0] = rows;
        return Shape.of(extents);
    }

    private void put(Map<String, Buffer> copies, Safetensors file, int snapshot, String name, Shape expected) {
        String tensor = prefix(snapshot) + name;
        if (!file.shape(tensor).equals(expected)) {
            throw new IllegalArgumentException(
                    "its tensor " + tensor + " is " + file.shape(tensor) + ", expected " + expected);
        }
        put(copies, name, expected, MemorySegment.ofArray(file.weights(tensor)));
    }

    private static String prefix(int snapshot) {
        return PREFIX + snapshot + ".";
    }

    int count() {
        return snapshots.size();
    }

    long bytes() {
        return bytes;
    }

    Buffer get(int snapshot, String name) {
        requireSnapshot(snapshot);
        Buffer copy = snapshots.get(snapshot - 1).get(name);
        if (copy == null) {
            throw new IllegalArgumentException("snapshot " + snapshot + " has no copy of " + name + ": expected one of "
                    + snapshots.get(snapshot - 1).keySet());
        }
        return copy;
    }

    /** A parameter's copy, multiplied by a factor for each output channel where there is one. */
    void writeScaled(int snapshot, Parameter parameter, @Nullable MemorySegment scale, MemorySegment out) {
        Buffer copy = get(snapshot, parameter.name());
        if (scale == null) {
            out.copyFrom(copy.read());
        } else {
            parameter.writeScaled(copy.read(), scale, out);
        }
    }

    void requireSnapshot(int snapshot) {
        if (snapshot < 1 || snapshot > count()) {
            throw new IllegalArgumentException("there is no snapshot " + snapshot + ": "
                    + (count() == 0 ? "none was taken yet" : "expected 1 to " + count()));
        }
    }

    @Override
    public void close() {
        arena.close();
    }

    static long allBytes(List<Parameter> parameters, List<Buffer> buffers) {
        return parameters.stream().mapToLong(p -> p.shape().bytes()).sum()
                + buffers.stream().mapToLong(b -> b.shape().bytes()).sum();
    }

    /** Checks the segments of {@link Snapshots#weight}. */
    static void requireSizes(Parameter parameter, @Nullable MemorySegment scale, MemorySegment out) {
        if (out.byteSize() != parameter.shape().bytes()) {
            throw new IllegalArgumentException(
                    parameter.name() + " needs " + parameter.shape().bytes() + " bytes (" + parameter.shape()
                            + " float32) for its snapshot, has " + out.byteSize());
        }
        long channels = parameter.shape().extent(0);
        if (scale != null && scale.byteSize() != channels * Float.BYTES) {
            throw new IllegalArgumentException("the scale of " + parameter.name() + " needs " + channels * Float.BYTES
                    + " bytes (" + channels + " output channels, float32), has " + scale.byteSize());
        }
    }
}
