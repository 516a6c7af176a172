package dev.palimpsest.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.Predicate;

/** The tensors of a network that a file has under names with a prefix: read and checked before any is used. */
public final class NetworkTensors {
    private final List<Parameter> parameters;
    private final List<Buffer> buffers;

    /**
     * All tensors of a network.
     *
     * @param network as it is now; its heads are not to grow as long as this is used
     */
    public NetworkTensors(Network network) {
        this(network, parameter -> true);
    }

    /** @param chosen which parameters the file has; it has all buffers */
    NetworkTensors(Network network, Predicate<Parameter> chosen) {
        parameters = network.parameters().stream().filter(chosen).toList();
        buffers = network.buffers();
    }

    /** The shapes by name, without a prefix. */
    SequencedMap<String, Shape> shapes() {
        SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
        parameters.forEach(parameter -> shapes.put(parameter.name(), parameter.shape()));
        buffers.forEach(buffer -> shapes.put(buffer.name(), buffer.shape()));
        return shapes;
    }

    /**
     * Adds the values to a file.
     *
     * @param to file to be written
     * @param prefix of the tensors' names
     */
    public void write(SafetensorsWriter to, String prefix) {
        for (Parameter parameter : parameters) {
            to.add(prefix + parameter.name(), parameter.shape(), parameter.toArray());
        }
        for (Buffer buffer : buffers) {
            to.add(prefix + buffer.name(), buffer.shape(), buffer.read().toArray(JAVA_FLOAT));
        }
    }

    /**
     * Puts the values into the network.
     *
     * @param file with tensors of these names and any floating-point type
     * @param prefix of the tensors' names
     * @throws IllegalArgumentException in one sentence that names the tensor, if one is missing, has another shape or
     *     type, or holds what no weight or variance is; the network is unchanged
     */
    public void load(Safetensors file, String prefix) {
        SequencedMap<String, float[]> values = new LinkedHashMap<>();
        shapes().forEach((name, shape) -> {
            if (!file.shape(prefix + name).equals(shape)) {
                throw new IllegalArgumentException(file.source() + ": tensor " + prefix + name + " is "
                        + file.shape(prefix + name) + ", expected " + shape);
            }
            values.put(name, file.weights(prefix + name));
        });
        parameters.forEach(parameter -> parameter.set(Objects.requireNonNull(values.get(parameter.name()))));
        buffers.forEach(buffer -> buffer.update().copyFrom(MemorySegment.ofArray(values.get(buffer.name()))));
    }
}
