package dev.palimpsest.data;

import java.util.List;

/** The data sets of this package, in the order in which they are listed: a new one is one file and one line here. */
final class OwnSources {
    static final List<Source> ALL = List.of(
            new Digits(),
            IdxDataset.FASHION_MNIST,
            IdxDataset.MNIST,
            IdxDataset.KMNIST,
            Cifar.CIFAR_10,
            Cifar.CIFAR_100,
            new Glyphs(false),
            new Glyphs(true),
            new ImageFolder(),
            new ImageList());

    private OwnSources() {}
}
