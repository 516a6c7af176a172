package dev.palimpsest.checkpoint;

import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Predicate;

/** The tensors of a network that a file has under names with a prefix: read and checked before any is used. */
final class NetworkTensors {
    private final List<Parameter> parameters;
    private final List<Buffer> buffers;

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
     * Puts the values into the network.
     *
     * @param file with tensors of these names and any floating-point type
     * @throws IllegalArgumentException in one sentence that names the tensor, if one is missing, has another shape or
     *     type, or holds what no weight or variance is; the network is unchanged
     */
    void load(Safetensors file, String prefix) {
        SequencedMap<String, float[]> values = new LinkedHashMap<>();
        shapes().forEach((name, shape) -> {
            if (!file.shape(prefix + name).equals(shape)) {
                throw new IllegalArgumentException(file.source() + ": tensor " + prefix + name + " is "
                        + file.shape(prefix + name) + ", expected " + shape);
            }
            values.put(name, file.weights(prefix + name));
        });
        parameters.forEach(parameter -> parameter.set(values.get(parameter.name())));
        buffers.forEach(buffer -> buffer.update().copyFrom(MemorySegment.ofArray(values.get(buffer.name()))));
    }
}
