package dev.palimpsest.model;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * One operation of a network: values in, one value out. A layer holds its parameters and defines how they are applied;
 * it keeps nothing between calls, so one layer serves any number of passes. Layers come from the methods of
 * {@link Node}; a kind of one's own implements this interface and is applied with {@link Node#then}.
 *
 * <p>Shapes are those of one sample, without the batch's axis: [C, H, W] for images, [features] for rows of a matrix.
 */
public interface Layer {
    /**
     * The shape of the output for one sample.
     *
     * @param inputs shapes of the inputs, each for one sample
     * @return shape of the output for one sample
     * @throws IllegalArgumentException if the layer cannot be applied to such inputs
     */
    Shape outputShape(List<Shape> inputs);

    /**
     * Computes the output with the tape's engine and records how it is differentiated ({@link Tape#record}); a
     * detached tape only computes.
     *
     * @param tape with the engine
     * @param inputs of a whole batch, as many as {@link #outputShape} was given
     * @param frozenNorm whether norms use their running statistics and leave them as they are, instead of the batch's
     * @return the output of the batch
     */
    Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm);

    /**
     * The same layer on copies of its parameters and buffers, for frozen networks. A layer without any is its own
     * copy.
     *
     * @param copies gives the copy that takes a parameter's or buffer's place
     * @return a layer that later training of this one does not change
     */
    default Layer over(Copies copies) {
        return this;
    }

    /**
     * This layer with a ReLU at its end, where one pass over memory does both.
     *
     * @return empty if the ReLU stays a layer of its own
     */
    default Optional<Layer> withRelu() {
        return Optional.empty();
    }

    /** What {@link #over} puts in the place of parameters and buffers. */
    interface Copies {
        /**
         * Copies a parameter.
         *
         * @param parameter of the layer
         * @return its copy, of the same name and shape
         */
        Parameter of(Parameter parameter);

        /**
         * Copies a buffer.
         *
         * @param buffer of the layer
         * @return its copy, of the same name and shape
         */
        Buffer of(Buffer buffer);
    }

    /** Makes a layer's parameters and buffers while a network is being composed ({@link Node#then}). */
    interface Tensors {
        /**
         * A weight that has owners and can be pruned, normally distributed around 0.
         *
         * @param name unique in the network
         * @param shape output channels first
         * @param variance of the starting values
         * @return the parameter, in the network's arena
         */
        Parameter weight(String name, Shape shape, double variance);

        /**
         * A parameter that starts with one value everywhere.
         *
         * @param name unique in the network
         * @param role what it is to pruning and to snapshots
         * @param shape of the parameter
         * @param value that every element starts with
         * @return the parameter, in the network's arena
         */
        Parameter parameter(String name, Parameter.Role role, Shape shape, float value);

        /**
         * A tensor that is kept but not trained.
         *
         * @param name unique in the network
         * @param shape of the buffer
         * @param value that every element starts with
         * @return the buffer, in the network's arena
         */
        Buffer buffer(String name, Shape shape, float value);
    }
}
