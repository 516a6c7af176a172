package dev.palimpsest.model;

import dev.palimpsest.tensor.Shape;
import java.util.Arrays;

/** Shapes of one sample and of a batch of one. */
final class Shapes {
    private Shapes() {}

    /** A batch of one image: [1, C, H, W] for [C, H, W]. */
    static Shape batchOfOne(String layer, Shape image) {
        if (image.rank() != 3) {
            throw new IllegalArgumentException(layer + " needs images C×H×W, got " + image + " for each sample");
        }
        return Shape.of(1, image.extent(0), image.extent(1), image.extent(2));
    }

    /** One image of a batch of one: [C, H, W] for [1, C, H, W]. */
    static Shape ofOne(Shape batch) {
        return Shape.of(Arrays.copyOfRange(batch.extents(), 1, batch.rank()));
    }

    static Shape image(String layer, Shape image) {
        return ofOne(batchOfOne(layer, image));
    }
}
