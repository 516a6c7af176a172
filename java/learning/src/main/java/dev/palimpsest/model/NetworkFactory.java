package dev.palimpsest.model;

import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;

/** Makes networks of one form. The same arguments give the same weights, bit for bit. */
@FunctionalInterface
public interface NetworkFactory {
    /**
     * A network whose heads know no class yet.
     *
     * @param image channels, height, width
     * @param seed of the initial weights
     * @param arena that the weights live in
     * @return a new network
     * @throws IllegalArgumentException if the form does not fit the images
     */
    Network create(Shape image, long seed, Arena arena);
}
