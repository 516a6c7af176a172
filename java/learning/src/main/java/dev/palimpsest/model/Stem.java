package dev.palimpsest.model;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.MaxPooling;

/** What a ResNet does to images before its first block. */
public sealed interface Stem {
    /** For photographs of 224×224: a 7×7 convolution and 3×3 maximum pooling, both of stride 2. */
    record ImageNet() implements Stem {
        @Override
        public Convolution convolution(int inputs, int outputs) {
            return new Convolution(inputs, outputs, 7, 2, 3);
        }

        @Override
        public MaxPooling pooling() {
            return new MaxPooling(3, 2, 1);
        }
    }

    /** For images of about 32×32: a 3×3 convolution, no pooling. */
    record Cifar(int stride) implements Stem {
        @Override
        public Convolution convolution(int inputs, int outputs) {
            return new Convolution(inputs, outputs, 3, stride, 1);
        }

        @Override
        public MaxPooling pooling() {
            return null;
        }
    }

    Convolution convolution(int inputs, int outputs);

    /** Null for none. */
    MaxPooling pooling();
}
