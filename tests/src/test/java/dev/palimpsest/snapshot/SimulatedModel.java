package dev.palimpsest.snapshot;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Parameters of every role, moved by random gradients; the head grows by two classes an experience. */
final class SimulatedModel {
    final List<Parameter> weights;
    final Parameter norm;
    final Buffer running;
    private final Arena arena;
    private final Random random = new Random(11);
    private Parameter head;

    SimulatedModel(Arena arena) {
        this.arena = arena;
        weights = List.of(
                new Parameter("conv1", Parameter.Role.WEIGHT, Shape.of(8, 3, 3, 3), arena),
                new Parameter("conv2", Parameter.Role.WEIGHT, Shape.of(16, 8, 3, 3), arena),
                new Parameter("odd", Parameter.Role.WEIGHT, Shape.of(5, 7), arena));
        norm = new Parameter("bn.weight", Parameter.Role.NORM, Shape.of(16), arena);
        running = new Buffer("bn.running_mean", Shape.of(16), arena.allocate(64, 64));
        head = new Parameter("fc", Parameter.Role.HEAD, Shape.of(0, 16), arena);
        weights.forEach(this::randomise);
    }

    private void randomise(Parameter parameter) {
        parameter.set(gaussian(parameter.size()));
    }

    private float[] gaussian(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    void grow() {
        Parameter old = head;
        head = new Parameter("fc", Parameter.Role.HEAD, Shape.of(old.shape().extent(0) + 2, 16), arena);
        MemorySegment.copy(old.read(), 0, head.update(), 0, old.read().byteSize());
    }

    List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(weights);
        all.addAll(List.of(norm, head));
        return all;
    }

    List<Buffer> buffers() {
        return List.of(running);
    }

    /** What a backward pass leaves behind. */
    void newGradients() {
        for (Parameter parameter : parameters()) {
            MemorySegment.copy(
                    gaussian(parameter.size()),
                    0,
                    parameter.updateGradient(),
                    ValueLayout.JAVA_FLOAT,
                    0,
                    parameter.size());
        }
        MemorySegment.copy(gaussian(16), 0, running.update(), ValueLayout.JAVA_FLOAT, 0, 16);
    }

    /** The bits of everything, by name. */
    Map<String, int[]> bits() {
        Map<String, int[]> bits = new LinkedHashMap<>();
        parameters().forEach(p -> bits.put(p.name(), p.read().toArray(ValueLayout.JAVA_INT)));
        bits.put(running.name(), running.read().toArray(ValueLayout.JAVA_INT));
        return bits;
    }
}
