package dev.palimpsest.model;

import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * A network without its weights: how layers are composed for images of one shape. {@link Networks} has those of the
 * literature; {@link #of} takes one's own ({@link Node} shows how). Immutable, if the composition is.
 *
 * @param image channels, height and width of one image
 * @param layers applies layers to the images and ends at least one stage
 * @param auxiliaryHeads whether every stage but the last has a classifier of its own
 */
public record Architecture(Shape image, Consumer<Node> layers, boolean auxiliaryHeads) {
    /**
     * See {@link #of}.
     *
     * @throws IllegalArgumentException if the image has other than three extents, or one is 0
     */
    public Architecture {
        if (image.rank() != 3 || image.elements() == 0) {
            throw new IllegalArgumentException("a network needs images C×H×W, got " + image);
        }
    }

    /**
     * A composition of one's own, without auxiliary heads.
     *
     * @param image channels, height and width of one image
     * @param layers applies layers to the images and ends at least one stage ({@link Node#stage})
     * @return the architecture, from which any number of networks can be made
     */
    public static Architecture of(Shape image, Consumer<Node> layers) {
        return new Architecture(image, layers, false);
    }

    /**
     * The same layers with or without a classifier on every stage but the last (multi-level distillation).
     *
     * @param wanted whether there are such heads
     * @return the changed architecture
     */
    public Architecture withAuxiliaryHeads(boolean wanted) {
        return new Architecture(image, layers, wanted);
    }

    /**
     * A network with new weights and heads for no class yet ({@link Network#grow}).
     *
     * @param arena holds the weights
     * @param seed of the starting values
     * @return the network
     * @throws IllegalArgumentException if layers do not fit one another, the message names which and why
     */
    public Network create(Arena arena, long seed) {
        RandomGenerator random = new SplittableRandom(seed);
        Composer composer = new Composer(arena, random);
        layers.accept(new Node(composer, 0, image));
        return new Network(composer, image, auxiliaryHeads, arena, random);
    }

    /**
     * The architecture for images whose shape is known once the data are:
     * {@code image -> Networks.cifarResNet(image, 32)}.
     */
    @FunctionalInterface
    public interface Factory {
        /**
         * The architecture for images of a shape.
         *
         * @param image channels, height and width of one image
         * @return how the network's layers are composed
         * @throws IllegalArgumentException if it has no form for such images
         */
        Architecture forImages(Shape image);
    }
}
