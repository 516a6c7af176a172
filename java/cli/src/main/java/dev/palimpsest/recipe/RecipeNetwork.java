package dev.palimpsest.recipe;

import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.tensor.Shape;

/** The network that a recipe names. */
final class RecipeNetwork {
    private RecipeNetwork() {}

    /** @param image channels, height, width */
    static Architecture of(ModelOptions model, Shape image) {
        Stem small = new Stem.Cifar(model.stemStride());
        Architecture architecture = switch (model.network()) {
            case CIFAR_RESNET -> Networks.cifarResNet(image, new ResNetOptions(model.depth(), model.widths(), small));
            case RESNET_18, RESNET_34 ->
                Networks.resNet(
                        image,
                        new ResNetOptions(
                                model.network() == ModelOptions.Network.RESNET_18 ? 18 : 34,
                                model.widths(),
                                switch (model.stem()) {
                                    case IMAGENET -> new Stem.ImageNet();
                                    case CIFAR -> small;
                                }));
            case DIGITS_NET -> Networks.digitsNet(image, model.widths());
            case MLP -> Networks.mlp(image, model.widths());
        };
        return architecture.withAuxiliaryHeads(model.auxiliaryHeads());
    }
}
