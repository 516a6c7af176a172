package dev.palimpsest.recipe;

import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Stem;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;

/** The network that a recipe names. */
final class Architecture {
    private Architecture() {}

    /** @param image channels, height, width */
    static Network build(ModelOptions model, Shape image, long seed, Arena arena) {
        return switch (model.network()) {
            case CIFAR_RESNET ->
                Networks.cifarResNet(
                        image, model.depth(), model.widths(), model.stemStride(), model.auxiliaryHeads(), arena, seed);
            case RESNET_18, RESNET_34 ->
                Networks.resNet(
                        image,
                        model.network() == ModelOptions.Network.RESNET_18 ? 18 : 34,
                        model.widths(),
                        switch (model.stem()) {
                            case IMAGENET -> new Stem.ImageNet();
                            case CIFAR -> new Stem.Cifar(model.stemStride());
                        },
                        model.auxiliaryHeads(),
                        arena,
                        seed);
            case DIGITS_NET -> Networks.digitsNet(image, model.widths(), model.auxiliaryHeads(), arena, seed);
        };
    }
}
