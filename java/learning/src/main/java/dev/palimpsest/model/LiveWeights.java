package dev.palimpsest.model;

import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The network's present weights. */
final class LiveWeights implements Weights {
    private final Map<String, MemorySegment> vectors = new HashMap<>();

    LiveWeights(Network network) {
        for (Parameter parameter : network.parameters()) {
            vectors.put(parameter.name(), parameter.read());
        }
        for (Buffer buffer : network.buffers()) {
            vectors.put(buffer.name(), buffer.read());
        }
    }

    @Override
    public void weight(Parameter parameter, @Nullable MemorySegment scale, MemorySegment out) {
        if (scale == null) {
            out.copyFrom(parameter.read());
        } else {
            parameter.writeScaled(parameter.read(), scale, out);
        }
    }

    @Override
    public MemorySegment vector(String name) {
        MemorySegment vector = vectors.get(name);
        if (vector == null) {
            throw new IllegalArgumentException("the network has no parameter or buffer named " + name);
        }
        return vector;
    }
}
