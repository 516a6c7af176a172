package dev.palimpsest.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Stream;

/**
 * A data set that {@link Dataset#load} finds by its name: what it is, where its files are looked for, how to get and
 * how to read them.
 *
 * <p>Another jar adds one without any change here: a public class with a public constructor without parameters, named
 * in {@code META-INF/services/dev.palimpsest.data.Source} and, if the jar is a named module, by
 * {@code provides dev.palimpsest.data.Source with …} in its descriptor. From then on recipes, {@code --data} and
 * {@code palimpsest data list} know it. Images that are in memory need none of this: see {@link Dataset#of}.
 *
 * <p>Implementations hold no state that changes, so that any number of threads may call them.
 */
public interface Source {
    /**
     * Every data set that can be loaded by name.
     *
     * @return the library's own, then those that {@link ServiceLoader} finds for the thread's context class loader
     * @throws IllegalStateException if two of them have the same name
     */
    static List<Source> all() {
        List<Source> all = Stream.concat(
                        OwnSources.ALL.stream(),
                        ServiceLoader.load(Source.class).stream().map(ServiceLoader.Provider::get))
                .toList();
        for (int i = 0; i < all.size(); i++) {
            for (Source earlier : all.subList(0, i)) {
                if (earlier.name().equals(all.get(i).name())) {
                    throw new IllegalStateException("two data sets are called \"" + earlier.name() + "\": "
                            + earlier.getClass().getName() + " and "
                            + all.get(i).getClass().getName() + "; take the jar of one of them off the path");
                }
            }
        }
        return all;
    }

    /**
     * The data set of a name.
     *
     * @param name as {@link #name} gives it
     * @return the one that answers to the name
     * @throws IllegalArgumentException if there is none
     */
    static Source named(String name) {
        return all().stream()
                .filter(source -> source.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no data set \"" + name
                        + "\": expected one of " + String.join(", ", Dataset.names())));
    }

    /**
     * What recipes and {@code --data} call the data set.
     *
     * @return a word of lower-case letters, digits and hyphens that no other data set has
     */
    String name();

    /**
     * What is in the data set.
     *
     * @return one line: classes, size and number of images, bytes on the disk
     */
    String summary();

    /**
     * The terms of use.
     *
     * @return one line, with whom to attribute
     */
    String licence();

    /**
     * Where files are looked for when the user names no folder.
     *
     * @return folders, the one that takes precedence first; empty if the data set needs no files, or only those of a
     *     folder that the user names
     */
    default List<Path> folders() {
        return List.of();
    }

    /**
     * Whether the files are the user's own.
     *
     * @return whether a folder must be named; {@link Dataset#load} then refuses to load without one
     */
    default boolean needsFolder() {
        return false;
    }

    /**
     * Whether images are brought to a size that the user chooses.
     *
     * @return whether {@link #load} heeds its options; where not, {@link Dataset#load} refuses any but
     *     {@link ImageOptions#NONE}
     */
    default boolean takesOptions() {
        return false;
    }

    /**
     * The pixel value that stands for white.
     *
     * @return 1 to 255; pixels of image files are scaled to it before a model of this data set classifies them
     */
    default int white() {
        return 255;
    }

    /**
     * How the files get onto this machine.
     *
     * @return sentences for the user, with the checksums that the files' authors publish
     */
    String howToGet();

    /**
     * Reads the data set. Callers use {@link Dataset#load}, which checks folder and options first.
     *
     * @param folder the only place to look for files; empty for {@link #folders}
     * @param options how image files become images of one size
     * @return the whole data set, under this name
     * @throws IllegalArgumentException if a folder is given and the data set takes none
     * @throws DataException if files are missing or damaged
     */
    Dataset load(Optional<Path> folder, ImageOptions options);
}
