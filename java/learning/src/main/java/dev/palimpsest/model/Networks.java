package dev.palimpsest.model;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** The networks that recipes name. Weights live in the caller's arena and start from the seed. */
public final class Networks {
    private Networks() {}

    /**
     * He et al. 2016 §4.2 with projection shortcuts: 6n+2 layers in three stages.
     *
     * @param image channels, height, width
     * @param depth 6n+2: 8, 14, 20, 32, …
     * @param widths channels of the three stages, 16, 32, 64 in the paper
     * @param stemStride 1 as in the paper, or 2 for a quarter of the work
     */
    public static Network cifarResNet(
            Shape image,
            int depth,
            List<Integer> widths,
            int stemStride,
            boolean auxiliaryHeads,
            Arena arena,
            long seed) {
        if (depth < 8 || (depth - 2) % 6 != 0 || widths.size() != 3) {
            throw new IllegalArgumentException(
                    "a CIFAR ResNet has 6n+2 layers (8, 14, 20, 32, …) and three widths, got " + depth
                            + " layers and widths " + widths);
        }
        RandomGenerator random = new SplittableRandom(seed);
        Builder builder = new Builder(arena, random);
        int inputs = widths.getFirst();
        ConvNorm stem = builder.convNorm("conv1", "bn1", new Convolution(image.extent(0), inputs, 3, stemStride, 1));
        List<List<Block>> stages = new ArrayList<>();
        for (int l = 0; l < widths.size(); l++) {
            List<Block> blocks = new ArrayList<>();
            for (int i = 0; i < (depth - 2) / 6; i++) {
                blocks.add(residual(
                        builder, "stage" + (l + 1) + "." + i, "down", inputs, widths.get(l), l > 0 && i == 0 ? 2 : 1));
                inputs = widths.get(l);
            }
            stages.add(blocks);
        }
        return new Network(builder, image, stem, null, stages, widths, auxiliaryHeads, arena, random);
    }

    /** Basic blocks of each stage of a ResNet. */
    private static final Map<Integer, List<Integer>> RESNET_BLOCKS =
            Map.of(18, List.of(2, 2, 2, 2), 34, List.of(3, 4, 6, 3));

    /**
     * He et al. 2016, Table 1, as torchvision's {@code resnet18} and {@code resnet34}, with its names: four stages of
     * basic blocks with projection shortcuts.
     *
     * @param image channels, height, width
     * @param depth 18 or 34
     * @param widths channels of the four stages, 64, 128, 256, 512 in the paper
     * @param stem the first layers
     */
    public static Network resNet(
            Shape image, int depth, List<Integer> widths, Stem stem, boolean auxiliaryHeads, Arena arena, long seed) {
        if (!RESNET_BLOCKS.containsKey(depth) || widths.size() != 4) {
            throw new IllegalArgumentException(
                    "a ResNet has 18 or 34 layers and four widths, got " + depth + " layers and widths " + widths);
        }
        RandomGenerator random = new SplittableRandom(seed);
        Builder builder = new Builder(arena, random);
        int inputs = widths.getFirst();
        ConvNorm first = builder.convNorm("conv1", "bn1", stem.convolution(image.extent(0), inputs));
        List<List<Block>> stages = new ArrayList<>();
        for (int l = 0; l < widths.size(); l++) {
            List<Block> blocks = new ArrayList<>();
            for (int i = 0; i < RESNET_BLOCKS.get(depth).get(l); i++) {
                blocks.add(residual(
                        builder,
                        "layer" + (l + 1) + "." + i,
                        "downsample",
                        inputs,
                        widths.get(l),
                        l > 0 && i == 0 ? 2 : 1));
                inputs = widths.get(l);
            }
            stages.add(blocks);
        }
        return new Network(builder, image, first, stem.pooling(), stages, widths, auxiliaryHeads, arena, random);
    }

    private static Block residual(
            Builder builder, String name, String shortcutName, int inputs, int outputs, int stride) {
        ConvNorm first =
                builder.convNorm(name + ".conv1", name + ".bn1", new Convolution(inputs, outputs, 3, stride, 1));
        ConvNorm second = builder.convNorm(name + ".conv2", name + ".bn2", new Convolution(outputs, outputs, 3, 1, 1));
        ConvNorm shortcut = stride == 1 && inputs == outputs
                ? null
                : builder.convNorm(
                        name + "." + shortcutName + ".0",
                        name + "." + shortcutName + ".1",
                        new Convolution(inputs, outputs, 1, stride, 0));
        return new Block.Residual(first, second, shortcut);
    }

    /** A small network for 8×8 digits: a convolution a stage, each stage after the first at half the resolution. */
    public static Network digitsNet(Shape image, List<Integer> widths, boolean auxiliaryHeads, Arena arena, long seed) {
        if (widths.size() < 2) {
            throw new IllegalArgumentException("digits-net needs at least two widths, got " + widths);
        }
        RandomGenerator random = new SplittableRandom(seed);
        Builder builder = new Builder(arena, random);
        int inputs = widths.getFirst();
        ConvNorm stem = builder.convNorm("conv1", "bn1", new Convolution(image.extent(0), inputs, 3, 1, 1));
        List<List<Block>> stages = new ArrayList<>();
        for (int l = 0; l < widths.size(); l++) {
            String name = "stage" + (l + 1);
            stages.add(List.of(new Block.Plain(builder.convNorm(
                    name + ".conv", name + ".bn", new Convolution(inputs, widths.get(l), 3, l > 0 ? 2 : 1, 1)))));
            inputs = widths.get(l);
        }
        return new Network(builder, image, stem, null, stages, widths, auxiliaryHeads, arena, random);
    }
}
