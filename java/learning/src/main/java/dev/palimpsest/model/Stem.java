package dev.palimpsest.model;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.MaxPooling;

/** What a ResNet does to images before its first block. */
@FunctionalInterface
public interface Stem {
    /**
     * Applies the first layers.
     *
     * @param images [C, H, W]
     * @param outputs channels that the first block reads
     * @return [outputs, H', W']
     */
    Node apply(Node images, int outputs);

    /** For photographs of 224×224: a 7×7 convolution and 3×3 maximum pooling, both of stride 2. */
    record ImageNet() implements Stem {
        @Override
        public Node apply(Node images, int outputs) {
            return first(images, new Convolution(images.shape().extent(0), outputs, 7, 2, 3))
                    .maxPool(new MaxPooling(3, 2, 1));
        }
    }

    /**
     * For images of about 32×32: a 3×3 convolution, no pooling.
     *
     * @param stride 1 as in the paper, or 2 for a quarter of the work
     */
    record Cifar(int stride) implements Stem {
        @Override
        public Node apply(Node images, int outputs) {
            return first(images, new Convolution(images.shape().extent(0), outputs, 3, stride, 1));
        }
    }

    private static Node first(Node images, Convolution geometry) {
        return images.convolution("conv1", geometry).norm("bn1").relu();
    }
}
