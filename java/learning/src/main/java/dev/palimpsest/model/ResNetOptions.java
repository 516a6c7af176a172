package dev.palimpsest.model;

import java.util.List;
import java.util.Map;

/**
 * What can be chosen about a ResNet of He et al. 2016.
 *
 * @param depth layers: 6n+2 for {@link Networks#cifarResNet}, 18 or 34 for {@link Networks#resNet}
 * @param widths channels of each stage: three for {@link Networks#cifarResNet}, four for {@link Networks#resNet}
 * @param stem what is done to images before the first block
 */
public record ResNetOptions(int depth, List<Integer> widths, Stem stem) {
    /** Basic blocks of each stage of a ResNet for photographs. */
    private static final Map<Integer, List<Integer>> BLOCKS = Map.of(18, List.of(2, 2, 2, 2), 34, List.of(3, 4, 6, 3));

    /**
     * Checks what holds for every ResNet; each architecture checks the rest.
     *
     * @throws IllegalArgumentException if there are no widths or one is below 1
     */
    public ResNetOptions {
        widths = List.copyOf(widths);
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
