package dev.palimpsest.model;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.model.Layers.AddLayer;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.MaxPoolLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/** Makes the tensors of a network's layers and keeps its graph while the network is being composed. */
final class Composer implements Layer.Tensors {
    private final Arena arena;
    private final RandomGenerator random;
    private final List<Parameter> parameters = new ArrayList<>();
    private final List<Buffer> buffers = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private final List<Graph.Step> steps = new ArrayList<>();
    private final List<Node> stages = new ArrayList<>();

    Composer(Arena arena, RandomGenerator random) {
        this.arena = arena;
        this.random = random;
    }

    List<Parameter> parameters() {
        return parameters;
    }

    List<Buffer> buffers() {
        return buffers;
    }

    /** Ends of the stages: matrices. */
    List<Node> stages() {
        return stages;
    }

    Graph graph() {
        return new Graph(steps, stages.stream().map(Node::value).toList());
    }

    Node apply(Layer layer, List<Node> inputs) {
        for (Node input : inputs) {
            if (input.composer() != this) {
                throw new IllegalArgumentException("a value of " + input.shape() + " belongs to another network");
            }
            if (input.value() == 0 && readsActivations(layer)) {
                throw new IllegalArgumentException(
                        layer + " cannot be applied to the images themselves: begin with a convolution or flatten");
            }
        }
        Shape shape = layer.outputShape(inputs.stream().map(Node::shape).toList());
        steps.add(new Graph.Step(layer, inputs.stream().map(Node::value).toList()));
        return new Node(this, steps.size(), shape);
    }

    /** Images lie in rows; these read the engine's own order, which a convolution gives. */
    private static boolean readsActivations(Layer layer) {
        return layer instanceof NormLayer
                || layer instanceof AddLayer
                || layer instanceof MaxPoolLayer
                || layer instanceof AveragePoolLayer;
    }

    void stage(Node end) {
        stages.add(end);
    }

    /** A convolution's weight, He et al. 2015: normal with variance 2 / (outputs · kernel²). */
    Parameter convolutionWeight(String name, Convolution geometry) {
        Shape shape = geometry.weightShape();
        return weight(name, shape, 2.0 / ((double) shape.elements() / shape.extent(1)));
    }

    /** A linear layer's weight, He et al. 2015: normal with variance 2 / inputs. */
    Parameter linearWeight(String name, Shape shape) {
        return weight(name, shape, 2.0 / shape.extent(1));
    }

    @Override
    public Parameter weight(String name, Shape shape, double variance) {
        Parameter weight = make(name, Parameter.Role.WEIGHT, shape);
        Initialiser.normal(weight, Math.sqrt(variance), random);
        return weight;
    }

    @Override
    public Parameter parameter(String name, Parameter.Role role, Shape shape, float value) {
        Parameter parameter = make(name, role, shape);
        Initialiser.fill(parameter, value);
        return parameter;
    }

    private Parameter make(String name, Parameter.Role role, Shape shape) {
        requireNew(name);
        Parameter parameter = new Parameter(name, role, shape, arena);
        parameters.add(parameter);
        return parameter;
    }

    @Override
    public Buffer buffer(String name, Shape shape, float value) {
        requireNew(name);
        Buffer buffer = new Buffer(name, shape, arena.allocate(shape.bytes(), 64));
        for (long i = 0; i < shape.elements(); i++) {
            buffer.update().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
        buffers.add(buffer);
        return buffer;
    }

    private void requireNew(String name) {
        if (!names.add(name)) {
            throw new IllegalArgumentException(
                    "two tensors of the network are named " + name + ": give every layer a name of its own");
        }
    }
}
