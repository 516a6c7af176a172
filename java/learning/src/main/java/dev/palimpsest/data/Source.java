package dev.palimpsest.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * A data set by name: what it is, where its files are looked for, how to get and how to read them. Other jars register
 * theirs for the {@link ServiceLoader}, by a public class with a public constructor without parameters.
 */
public interface Source {
    /**
     * Every data set that the class path or module path has.
     *
     * @return the library's own first, then those that other jars register for the {@link ServiceLoader}
     */
    static List<Source> all() {
        List<Source> all = new ArrayList<>(List.of(
                new Digits(),
                IdxDataset.FASHION_MNIST,
                IdxDataset.MNIST,
                Cifar.CIFAR_10,
                Cifar.CIFAR_100,
                new Glyphs(false),
                new Glyphs(true),
                new ImageFolder(),
                new ImageList()));
        ServiceLoader.load(Source.class).forEach(all::add);
        return List.copyOf(all);
    }

    /**
     * The data set of a name.
     *
     * @param name as {@code --data} takes it
     * @return the data set, not read yet
     * @throws IllegalArgumentException if there is no data set of that name
     */
    static Source named(String name) {
        return all().stream()
                .filter(source -> source.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no data set \"" + name
                        + "\": expected one of " + String.join(", ", Dataset.names())));
    }

    /**
     * What {@code --data} calls it.
     *
     * @return lower case with hyphens
     */
    String name();

    /**
     * What it is.
     *
     * @return one line: classes, size and number of images, bytes on the disk
     */
    String summary();

    /**
     * Under which licence it stands.
     *
     * @return one line, with whom to attribute
     */
    String licence();

    /**
     * Where files are looked for when the user names no folder.
     *
     * @return best first; empty if nowhere
     */
    List<Path> folders();

    /**
     * Whether the files are the user's own.
     *
     * @return whether a folder must be named
     */
    default boolean needsFolder() {
        return false;
    }

    /**
     * How to get the files.
     *
     * @return sentences, with the checksums that their authors publish
     */
    String howToGet();

    /**
     * Reads everything into memory.
     *
     * @param folder the only place to look; empty: {@link #folders}
     * @param options for data sets of image files
     * @return the images
     * @throws IllegalArgumentException if the data set takes no folder, or needs one and has none, or does not take
     *     the options
     * @throws DataException if files are missing or damaged
     */
    Dataset load(Optional<Path> folder, ImageOptions options);

    /**
     * For data sets with a size of their own.
     *
     * @param options that were asked for
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
