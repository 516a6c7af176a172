package dev.palimpsest.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A data set by name: what it is, where its files are looked for, how to get and how to read them. */
public sealed interface Source permits Digits, IdxDataset, Cifar, Glyphs, OwnImages {
    /** Every data set the library can read. */
    static List<Source> all() {
        return List.of(
                new Digits(),
                IdxDataset.FASHION_MNIST,
                IdxDataset.MNIST,
                Cifar.CIFAR_10,
                Cifar.CIFAR_100,
                new Glyphs(false),
                new Glyphs(true),
                new ImageFolder(),
                new ImageList());
    }

    /** @throws IllegalArgumentException if there is no data set of that name */
    static Source named(String name) {
        return all().stream()
                .filter(source -> source.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no data set \"" + name
                        + "\": expected one of " + String.join(", ", Dataset.names())));
    }

    /** As {@code --data} takes it. */
    String name();

    /** One line: classes, size and number of images, bytes on the disk. */
    String summary();

    /** One line, with whom to attribute. */
    String licence();

    /** Where files are looked for when the user names no folder, best first; empty if nowhere. */
    List<Path> folders();

    /** Whether the files are the user's own, so that a folder must be named. */
    default boolean needsFolder() {
        return false;
    }

    /** Sentences on how to get the files, with the checksums that their authors publish. */
    String howToGet();

    /**
     * Reads everything into memory.
     *
     * @param folder the only place to look; empty: {@link #folders}
     * @param options for data sets of image files
     * @throws IllegalArgumentException if the data set takes no folder, or needs one and has none, or does not take
     *     the options
     * @throws DataException if files are missing or damaged
     */
    Dataset load(Optional<Path> folder, ImageOptions options);

    /**
     * For data sets with a size of their own.
     *
     * @throws IllegalArgumentException if the options ask for anything
     */
    default void refuse(ImageOptions options) {
        if (!options.equals(ImageOptions.NONE)) {
            throw new IllegalArgumentException(
                    name() + " has images of its own size: leave out --image-size, --image-crop and "
                            + "--skip-damaged, which are for image-folder and image-list");
        }
    }
}
