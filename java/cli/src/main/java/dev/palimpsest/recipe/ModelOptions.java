package dev.palimpsest.recipe;

import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The network.
 *
 * @param stem first layers of resnet-18 and resnet-34; the others have theirs
 * @param depth layers of a CIFAR ResNet, 6n+2; the others have theirs
 * @param widths channels of each stage, or features of each hidden layer of an mlp; given as none, the network's own
 * @param stemStride stride of the first convolution: 2 quarters the work on images larger than they need to be; not of
 *     the ImageNet stem
 * @param auxiliaryHeads whether every stage but the last has a classifier of its own (multi-level distillation)
 * @param weights a safetensors file to start from instead of random weights; heads are new all the same
 */
public record ModelOptions(
        Network network,
        Stem stem,
        int depth,
        List<Integer> widths,
        int stemStride,
        boolean auxiliaryHeads,
        Optional<Path> weights) {
    /** An architecture. */
    public enum Network {
        DIGITS_NET,
        CIFAR_RESNET,
        RESNET_18,
        RESNET_34,
        MLP;

        /** Of ImageNet's shape, which has four stages. */
        public boolean isResNet() {
            return this == RESNET_18 || this == RESNET_34;
        }

        private List<Integer> defaultWidths() {
            return switch (this) {
                case DIGITS_NET, CIFAR_RESNET -> List.of(16, 32, 64);
                case RESNET_18, RESNET_34 -> List.of(64, 128, 256, 512);
                case MLP -> List.of(64, 64);
            };
        }
    }

    /** 7×7 with stride 2 and pooling, or 3×3. */
    public enum Stem {
        IMAGENET,
        CIFAR
    }

    private static final Option<ModelOptions, Network> NETWORK = Option.choice(
            "network",
            Network.class,
            Network.DIGITS_NET,
            "Architecture: a small network for 8×8 digits, a ResNet of He et al. 2016 for CIFAR or ImageNet, or fully"
                    + " connected layers.",
            ModelOptions::network);
    private static final Option<ModelOptions, Stem> STEM = Option.choice(
                    "stem",
                    Stem.class,
                    Stem.IMAGENET,
                    "First layers of resnet-18 and resnet-34: 7×7 with stride 2 and pooling, or 3×3 for images of"
                            + " about 32×32.",
                    ModelOptions::stem)
            .when(options -> options.network.isResNet(), "network = resnet-18 or resnet-34");
    private static final Option<ModelOptions, Integer> DEPTH = Option.integer(
                    "depth", 8, "Layers of cifar-resnet: 8, 14, 20, 32, … (6n+2).", ModelOptions::depth)
            .when(options -> options.network == Network.CIFAR_RESNET, "network = cifar-resnet");
    private static final Option<ModelOptions, List<Integer>> WIDTHS = Option.integers(
            "widths",
            "N,N,N",
            "",
            "Channels of each stage, or features of each hidden layer of an mlp [16,32,64; 64,128,256,512 for resnet-18"
                    + " and resnet-34; 64,64 for mlp].",
            ModelOptions::widths);
    private static final Option<ModelOptions, Integer> STEM_STRIDE = Option.integer(
                    "stem-stride",
                    1,
                    "Stride of the first 3×3 convolution, 1 or 2; 2 quarters the work.",
                    ModelOptions::stemStride)
            .when(
                    options -> options.network == Network.CIFAR_RESNET
                            || (options.network.isResNet() && options.stem == Stem.CIFAR),
                    "network = cifar-resnet, or a resnet with stem = cifar");
    private static final Option<ModelOptions, Boolean> AUXILIARY_HEADS = Option.flag(
            "auxiliary-heads",
            true,
            "Classifiers on the earlier stages, for multi-level distillation.",
            ModelOptions::auxiliaryHeads);
    private static final Option<ModelOptions, Optional<Path>> WEIGHTS = new Option<>(
            "weights",
            "FILE",
            "",
            "Weights to start from: a safetensors file with PyTorch's names, such as timm's resnet18, or of palimpsest"
                    + " export; its classifier is replaced.",
            RecipeFile::place,
            ModelOptions::weights);
    /** Texts to values and back. */
    public static final OptionGroup<ModelOptions> GROUP = new OptionGroup<>(
            List.of(NETWORK, STEM, DEPTH, WIDTHS, STEM_STRIDE, AUXILIARY_HEADS, WEIGHTS),
            values -> new ModelOptions(
                    values.get(NETWORK),
                    values.get(STEM),
                    values.get(DEPTH),
                    values.get(WIDTHS),
                    values.get(STEM_STRIDE),
                    values.get(AUXILIARY_HEADS),
                    values.get(WEIGHTS)));

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public ModelOptions {
        widths = widths.isEmpty() ? network.defaultWidths() : List.copyOf(widths);
        Check.that(
                network != Network.CIFAR_RESNET || (depth >= 8 && depth % 6 == 2),
                "depth",
                depth,
                "6n+2 for cifar-resnet: 8, 14, 20, 32, …");
        Check.that(
                widths.stream().allMatch(width -> width >= 1),
                "widths",
                widths,
                "channels of at least 1, such as 16,32,64");
        Check.that(
                network != Network.CIFAR_RESNET || widths.size() == 3,
                "widths",
                widths,
                "three stages for cifar-resnet, such as 16,32,64");
        Check.that(
                !network.isResNet() || widths.size() == 4,
                "widths",
                widths,
                "four stages for " + Option.label(network) + ", such as 64,128,256,512");
        Check.that(
                network != Network.DIGITS_NET || widths.size() >= 2,
                "widths",
                widths,
                "at least two stages, such as 16,32,64");
        Check.that(stemStride == 1 || stemStride == 2, "stem-stride", stemStride, "1 or 2");
    }

    /**
     * These options for a method that does not use auxiliary heads.
     *
     * @return options without them
     */
    ModelOptions withoutAuxiliaryHeads() {
        return new ModelOptions(network, stem, depth, widths, stemStride, false, weights);
    }
}
