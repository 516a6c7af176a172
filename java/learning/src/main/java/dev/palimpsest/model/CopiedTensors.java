package dev.palimpsest.model;

import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Copies of layers' parameters and buffers as they were, in memory of their own. */
final class CopiedTensors implements Layer.Copies, AutoCloseable {
    private final Weights weights;
    private final Arena arena = Arena.ofShared();
    private final List<Parameter> parameters = new ArrayList<>();
    private long bytes;

    /** @param weights gives the values to copy */
    CopiedTensors(Weights weights) {
        this.weights = weights;
    }

    @Override
    public Parameter of(Parameter parameter) {
        Parameter copy = new Parameter(parameter.name(), parameter.role(), parameter.shape(), arena);
        if (parameter.role() == Parameter.Role.WEIGHT) {
            weights.weight(parameter, null, copy.update());
        } else {
            copy.update().copyFrom(weights.vector(parameter.name()));
        }
        parameters.add(copy);
        bytes += 2 * copy.shape().bytes();
        return copy;
    }

    @Override
    public Buffer of(Buffer buffer) {
        MemorySegment value = arena.allocate(buffer.shape().bytes(), 64).copyFrom(weights.vector(buffer.name()));
        bytes += buffer.shape().bytes();
        return new Buffer(buffer.name(), buffer.shape(), value);
    }

    /** Values and gradients, which parameters have even where nobody asks for them. */
    long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        parameters.forEach(Parameter::forget);
        parameters.clear();
        arena.close();
    }
}
