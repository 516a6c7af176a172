package dev.palimpsest.model;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** Makes layers with PyTorch's names and keeps a list of what they own. */
final class Builder {
    private final Arena arena;
    private final RandomGenerator random;
    private final List<ConvNorm> units = new ArrayList<>();
    private final List<Parameter> parameters = new ArrayList<>();
    private final List<Buffer> buffers = new ArrayList<>();

    Builder(Arena arena, RandomGenerator random) {
        this.arena = arena;
        this.random = random;
    }

    List<ConvNorm> units() {
        return units;
    }

    List<Parameter> parameters() {
        return parameters;
    }

    List<Buffer> buffers() {
        return buffers;
    }

    ConvNorm convNorm(String convolution, String norm, Convolution geometry) {
        Parameter weight = parameter(convolution + ".weight", Parameter.Role.WEIGHT, geometry.weightShape());
        Initialiser.he(weight, random);
        Shape channels = Shape.of(geometry.outputs());
        Parameter scale = parameter(norm + ".weight", Parameter.Role.NORM, channels);
        Initialiser.fill(scale, 1);
        Parameter shift = parameter(norm + ".bias", Parameter.Role.NORM, channels);
        ConvNorm unit = new ConvNorm(
                weight,
                geometry,
                new BatchNorm(
                        scale,
                        shift,
                        buffer(norm + ".running_mean", channels, 0),
                        buffer(norm + ".running_var", channels, 1)));
        units.add(unit);
        return unit;
    }

    private Parameter parameter(String name, Parameter.Role role, Shape shape) {
        Parameter parameter = new Parameter(name, role, shape, arena);
        parameters.add(parameter);
        return parameter;
    }

    private Buffer buffer(String name, Shape shape, float value) {
        Buffer buffer = new Buffer(name, shape, arena.allocate(shape.bytes(), 64));
        for (long i = 0; i < shape.elements(); i++) {
            buffer.update().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
        buffers.add(buffer);
        return buffer;
    }
}
