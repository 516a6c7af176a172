package dev.palimpsest.model;

import dev.palimpsest.tensor.Shape;

/**
 * The architecture for images whose shape is known once the data are:
 * {@code image -> Networks.cifarResNet(image, 32)}.
 */
@FunctionalInterface
public interface NetworkFactory {
    /**
     * The architecture for images of a shape.
     *
     * @param image channels, height and width of one image
     * @return how the network's layers are composed
     * @throws IllegalArgumentException if it has no form for such images
     */
    Architecture forImages(Shape image);
}
