package dev.palimpsest.model;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.internal.Given;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.tensor.Shape;
import java.util.List;
import java.util.Map;

/**
 * Architectures that recipes name. Each is a composition of layers as anybody may write one ({@link Architecture#of}),
 * without auxiliary heads unless they are asked for ({@link Architecture#withAuxiliaryHeads}).
 */
public final class Networks {
    private Networks() {}

    /**
     * The ResNet of He et al. 2016 §4.2 for images of about 32×32, as in the paper but with projection shortcuts.
     *
     * @param image channels, height, width
     * @param depth layers, 6n+2: 8, 14, 20, 32, …
     * @return 6n+2 layers in three stages of 16, 32 and 64 channels
     */
    public static Architecture cifarResNet(Shape image, int depth) {
        return cifarResNet(image, ResNetOptions.cifar(depth));
    }

    /**
     * The ResNet of He et al. 2016 §4.2 with projection shortcuts.
     *
     * @param image channels, height, width
     * @param options depth of 6n+2, three widths, and the stem
     * @return three stages
     */
    public static Architecture cifarResNet(Shape image, ResNetOptions options) {
        List<Integer> blocks = options.cifarBlocks();
        return Architecture.of(image, images -> residualStages(images, options, blocks, "stage", "down"));
    }

    /**
     * The ResNet of He et al. 2016, Table 1, as torchvision's {@code resnet18} and {@code resnet34}, with its names.
     *
     * @param image channels, height, width
     * @param depth layers, 18 or 34
     * @return four stages of 64, 128, 256 and 512 channels
     */
    public static Architecture resNet(Shape image, int depth) {
        return resNet(image, ResNetOptions.imageNet(depth));
    }

    /**
     * The ResNet of He et al. 2016, Table 1, with torchvision's names: four stages of basic blocks with projection
     * shortcuts.
     *
     * @param image channels, height, width
     * @param options depth of 18 or 34, four widths, and the stem
     * @return four stages
     */
    public static Architecture resNet(Shape image, ResNetOptions options) {
        List<Integer> blocks = options.imageNetBlocks();
        return Architecture.of(image, images -> residualStages(images, options, blocks, "layer", "downsample"));
    }

    private static void residualStages(
            Node images, ResNetOptions options, List<Integer> blocks, String stage, String shortcut) {
        List<Integer> widths = options.widths();
        Node x = options.stem().apply(images, widths.getFirst());
        for (int l = 0; l < widths.size(); l++) {
            for (int i = 0; i < blocks.get(l); i++) {
                x = residual(x, stage + (l + 1) + "." + i, shortcut, widths.get(l), l > 0 && i == 0 ? 2 : 1);
            }
            x = x.stage();
        }
    }

    /** relu(norm(conv2(relu(norm(conv1(x))))) + shortcut(x)); the identity is the shortcut where it fits. */
    private static Node residual(Node x, String name, String shortcut, int outputs, int stride) {
        Node inner = x.convolution(name + ".conv1", outputs, 3, stride)
                .norm(name + ".bn1")
                .relu()
                .convolution(name + ".conv2", outputs, 3, 1)
                .norm(name + ".bn2");
        Node residual = stride == 1 && x.shape().extent(0) == outputs
                ? x
                : x.convolution(name + "." + shortcut + ".0", outputs, 1, stride)
                        .norm(name + "." + shortcut + ".1");
        return inner.add(residual).relu();
    }

    /**
     * A small network for 8×8 digits: a convolution in each stage, each stage after the first at half the resolution.
     *
     * @param image channels, height, width
     * @param widths channels of the stages, at least two; the first are the stem's too
     * @return as many stages as widths
     */
    public static Architecture digitsNet(Shape image, List<Integer> widths) {
        if (widths.size() < 2) {
            throw new IllegalArgumentException("digits-net needs at least two widths, got " + widths);
        }
        Given.all(widths, "width", "a number of channels");
        return Architecture.of(image, images -> {
            Node x = images.convolution("conv1", widths.getFirst(), 3, 1)
                    .norm("bn1")
                    .relu();
            for (int l = 0; l < widths.size(); l++) {
                String name = "stage" + (l + 1);
                x = x.convolution(name + ".conv", widths.get(l), 3, l > 0 ? 2 : 1)
                        .norm(name + ".bn")
                        .relu()
                        .stage();
            }
        });
    }

    /**
     * A multilayer perceptron: images as rows, then fully connected layers with ReLU. Every hidden layer is a stage.
     *
     * @param image channels, height, width
     * @param widths features of the hidden layers, at least one
     * @return as many stages as widths
     */
    public static Architecture mlp(Shape image, List<Integer> widths) {
        if (widths.isEmpty()) {
            throw new IllegalArgumentException("an mlp needs the width of at least one hidden layer, got none");
        }
        Given.all(widths, "width", "a number of features");
        return Architecture.of(image, images -> {
            Node x = images.flatten();
            for (int l = 0; l < widths.size(); l++) {
                x = x.linear("hidden" + (l + 1), widths.get(l)).relu().stage();
            }
        });
    }

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

    /**
     * What can be chosen about a ResNet of He et al. 2016.
     *
     * @param depth layers: 6n+2 for {@link Networks#cifarResNet}, 18 or 34 for {@link Networks#resNet}
     * @param widths channels of each stage: three for {@link Networks#cifarResNet}, four for {@link Networks#resNet}
     * @param stem what is done to images before the first block
     */
    public record ResNetOptions(int depth, List<Integer> widths, Stem stem) {
        /** Basic blocks of each stage of a ResNet for photographs. */
        private static final Map<Integer, List<Integer>> BLOCKS =
                Map.of(18, List.of(2, 2, 2, 2), 34, List.of(3, 4, 6, 3));

        /**
         * Checks what holds for every ResNet; each architecture checks the rest.
         *
         * @throws IllegalArgumentException if there are no widths or one is below 1
         */
        public ResNetOptions {
            widths = Given.all(widths, "width", "a number of channels");
            if (widths.isEmpty() || widths.stream().anyMatch(width -> width < 1)) {
                throw new IllegalArgumentException("a ResNet needs widths of at least 1, got " + widths);
            }
        }

        /**
         * The paper's ResNet for CIFAR: widths 16, 32, 64, and a first convolution of stride 1.
         *
         * @param depth layers, 6n+2: 8, 14, 20, 32, …
         * @return the options
         */
        public static ResNetOptions cifar(int depth) {
            return new ResNetOptions(depth, List.of(16, 32, 64), new Stem.Cifar(1));
        }

        /**
         * The paper's ResNet for ImageNet: widths 64, 128, 256, 512, and its stem.
         *
         * @param depth layers, 18 or 34
         * @return the options
         */
        public static ResNetOptions imageNet(int depth) {
            return new ResNetOptions(depth, List.of(64, 128, 256, 512), new Stem.ImageNet());
        }

        /**
         * The same with other widths.
         *
         * @param widths channels of each stage
         * @return the changed options
         */
        public ResNetOptions withWidths(List<Integer> widths) {
            return new ResNetOptions(depth, widths, stem);
        }

        /**
         * The same with other first layers.
         *
         * @param stem what is done to images before the first block
         * @return the changed options
         */
        public ResNetOptions withStem(Stem stem) {
            return new ResNetOptions(depth, widths, stem);
        }

        /** Blocks of each stage. */
        List<Integer> cifarBlocks() {
            if (depth < 8 || (depth - 2) % 6 != 0 || widths.size() != 3) {
                throw new IllegalArgumentException(
                        "a CIFAR ResNet has 6n+2 layers (8, 14, 20, 32, …) and three widths, got " + depth
                                + " layers and widths " + widths);
            }
            int each = (depth - 2) / 6;
            return List.of(each, each, each);
        }

        /** Blocks of each stage. */
        List<Integer> imageNetBlocks() {
            if (!BLOCKS.containsKey(depth) || widths.size() != 4) {
                throw new IllegalArgumentException(
                        "a ResNet has 18 or 34 layers and four widths, got " + depth + " layers and widths " + widths);
            }
            return BLOCKS.get(depth);
        }
    }
}
