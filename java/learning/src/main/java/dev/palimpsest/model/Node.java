package dev.palimpsest.model;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.model.Layers.AddLayer;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Layers.FlattenLayer;
import dev.palimpsest.model.Layers.LinearLayer;
import dev.palimpsest.model.Layers.MaxPoolLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.model.Layers.ReluLayer;
import dev.palimpsest.model.Layers.UnitLengthLayer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A value inside a network that is being composed ({@link Architecture}): the images, or what a layer makes of other
 * values. Its methods apply a layer and return the layer's output; one value may be used several times. Names are the
 * beginnings of parameters' names, as PyTorch's {@code state_dict} has them, and must differ. Starting values are
 * drawn in the order in which layers are applied. Not thread-safe; of no use after the composition.
 *
 * <pre>{@code
 * Architecture.of(Shape.of(3, 32, 32), images -> {
 *     Node x = images.convolution("conv1", 16, 3, 1).norm("bn1").relu().stage();
 *     Node y = x.convolution("conv2", 16, 3, 1).norm("bn2").add(x).relu().stage();
 *     y.flatten().linear("hidden", 64).relu().stage();
 * });
 * }</pre>
 */
public final class Node {
    private final Composer composer;
    private final int value;
    private final Shape shape;

    Node(Composer composer, int value, Shape shape) {
        this.composer = composer;
        this.value = value;
        this.shape = shape;
    }

    /** Where the value stands in the graph; 0 is the images. */
    int value() {
        return value;
    }

    Composer composer() {
        return composer;
    }

    /**
     * The shape of one sample.
     *
     * @return [C, H, W] for images, [features] for rows of a matrix
     */
    public Shape shape() {
        return shape;
    }

    /**
     * A convolution without bias, padded by half its kernel.
     *
     * @param name of the layer; its parameter is {@code name.weight}
     * @param outputs channels that it gives
     * @param kernel side of the square kernel, in pixels
     * @param stride distance between windows, in pixels
     * @return [outputs, H', W']
     */
    public Node convolution(String name, int outputs, int kernel, int stride) {
        return convolution(
                name, new Convolution(Shapes.image(name, shape).extent(0), outputs, kernel, stride, kernel / 2));
    }

    /**
     * A convolution without bias of any geometry.
     *
     * @param name of the layer; its parameter is {@code name.weight}
     * @param geometry channels, kernel, stride and padding
     * @return [outputs, H', W']
     */
    public Node convolution(String name, Convolution geometry) {
        return then(make -> new ConvolutionLayer(composer.convolutionWeight(name + ".weight", geometry), geometry));
    }

    /**
     * Batch norm of every channel.
     *
     * @param name of the layer; its tensors are {@code name.weight}, {@code .bias}, {@code .running_mean} and
     *     {@code .running_var}
     * @return [C, H, W]
     */
    public Node norm(String name) {
        Shape channels = Shape.of(Shapes.image(name, shape).extent(0));
        return then(make -> new NormLayer(
                new BatchNorm(
                        make.parameter(name + ".weight", Parameter.Role.NORM, channels, 1),
                        make.parameter(name + ".bias", Parameter.Role.NORM, channels, 0),
                        make.buffer(name + ".running_mean", channels, 0),
                        make.buffer(name + ".running_var", channels, 1)),
                false));
    }

    /**
     * Rectified linear units.
     *
     * @return max(x, 0), of the same shape
     */
    public Node relu() {
        return then(make -> new ReluLayer());
    }

    /**
     * The residual sum. In a frozen network it rides on this value's convolution where that is possible, else on the
     * other's.
     *
     * @param residual of the same shape
     * @return the sum, of the same shape
     */
    public Node add(Node residual) {
        return then(make -> new AddLayer(false), residual);
    }

    /**
     * The maximum of every window.
     *
     * @param geometry kernel, stride and padding of the windows
     * @return [C, H', W']
     */
    public Node maxPool(MaxPooling geometry) {
        return then(make -> new MaxPoolLayer(geometry));
    }

    /**
     * The mean over all positions.
     *
     * @return [C]
     */
    public Node averagePool() {
        return then(make -> new AveragePoolLayer());
    }

    /**
     * Images as rows of a matrix, channel by channel and row by row.
     *
     * @return [C·H·W]
     */
    public Node flatten() {
        return then(make -> new FlattenLayer());
    }

    /**
     * A fully connected layer with bias.
     *
     * @param name of the layer; its parameters are {@code name.weight}, which can be pruned, and {@code name.bias}
     * @param outputs features that it gives
     * @return [outputs]
     */
    public Node linear(String name, int outputs) {
        if (shape.rank() != 1) {
            throw new IllegalArgumentException(
                    name + " needs features, got images of " + shape + ": flatten or pool them before it");
        }
        return then(make -> new LinearLayer(
                composer.linearWeight(name + ".weight", Shape.of(outputs, shape.extent(0))),
                make.parameter(name + ".bias", Parameter.Role.NORM, Shape.of(outputs), 0)));
    }

    /**
     * Features divided by their length, so that only their direction counts: a head behind them sees cosines.
     *
     * @return x / max(‖x‖, 1e-12), of the same shape
     */
    public Node unitLength() {
        return then(make -> new UnitLengthLayer());
    }

    /**
     * Applies any layer.
     *
     * @param layer makes the layer, with parameters from what it is given
     * @param others further inputs of the layer, after this one
     * @return the layer's output
     * @throws IllegalArgumentException if a value belongs to another network or the layer refuses the shapes
     */
    public Node then(Function<Layer.Tensors, Layer> layer, Node... others) {
        List<Node> inputs = new ArrayList<>(List.of(others));
        inputs.addFirst(this);
        return composer.apply(layer.apply(composer), inputs);
    }

    /**
     * Ends a stage here: the network's pooled outputs include this value, images averaged over their positions. The
     * last stage is what the classifier sees; each stage before it may have an auxiliary head.
     *
     * @return this value, for the next stage
     */
    public Node stage() {
        composer.stage(shape.rank() == 1 ? this : averagePool());
        return this;
    }
}
