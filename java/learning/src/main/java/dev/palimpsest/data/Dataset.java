package dev.palimpsest.data;

import dev.palimpsest.internal.ClassNames;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A data set of labelled images, split into training and test. Both parts have the same size of image and the same
 * classes, and both are normalised by the statistics of the training images. Immutable, so any number of threads may
 * read it.
 *
 * @param name what the data set is called in results, and by {@link #load} if it is one that has a name there
 * @param classNames names of the classes; label c stands for {@code classNames.get(c)}
 * @param train training images, at least one; labels are 0 to {@code classNames.size() - 1}, and a class may be
 *     without images
 * @param test test images, at least one, of the size of the training images and normalised by their statistics
 * @param sha256 SHA-256 of everything that was read, in lower-case hexadecimal, by file name; files are hashed as they
 *     lie on the disk, so that a compressed and a plain copy differ
 * @param licence one line on the terms of use, with whom to attribute
 */
public record Dataset(
        String name,
        List<String> classNames,
        Images train,
        Images test,
        SortedMap<String, String> sha256,
        String licence) {
    /**
     * Checks that the two parts fit each other and the classes, and normalises the test images by the statistics of
     * the training images.
     *
     * @throws IllegalArgumentException if the images of the two parts differ in size, a part is empty, a label is out
     *     of range, or a class has no name of its own that fits into a line of text
     */
    public Dataset {
        classNames = ClassNames.checked(classNames);
        sha256 = Collections.unmodifiableSortedMap(new TreeMap<>(sha256));
        if (!size(train).equals(size(test))) {
            throw new IllegalArgumentException(name + ": training images are " + size(train) + ", test images "
                    + size(test) + ": bring all to one size");
        }
        check(name, "training", train, classNames.size());
        check(name, "test", test, classNames.size());
        test = test.normalisedBy(train.normalisation());
    }

    /**
     * A data set of images that are in memory. Its checksums are those of the labels and pixels, under the names
     * {@code train} and {@code test}, and its licence is not stated.
     *
     * <pre>{@code
     * Images train = Images.of(3, 32, 32, trainPixels, trainLabels); // byte[n·3·32·32], int[n]
     * Images test = Images.of(3, 32, 32, testPixels, testLabels);
     * Dataset pets = Dataset.of("pets", List.of("cat", "dog"), train, test);
     * }</pre>
     *
     * @param name what to call the data set in results
     * @param classNames names of the classes; label c stands for {@code classNames.get(c)}
     * @param train training images, at least one
     * @param test test images, at least one, of the same size; normalised by the statistics of the training images
     *     whatever they were normalised by before
     * @return the data set; it holds the images, not a copy of them
     * @throws IllegalArgumentException if the images of the two parts differ in size, a part is empty, a label is out
     *     of range, or a class has no name of its own that fits into a line of text
     */
    public static Dataset of(String name, List<String> classNames, Images train, Images test) {
        Map<String, String> sha256 = Map.of("train", train.sha256(), "test", test.sha256());
        return new Dataset(name, classNames, train, test, new TreeMap<>(sha256), "not stated");
    }

    /**
     * The data sets that can be loaded by name.
     *
     * @return names that {@link #load} takes, the library's own first
     */
    public static List<String> names() {
        return Source.all().stream().map(Source::name).toList();
    }

    /**
     * Loads a data set by name, with images as their files have them.
     *
     * @param name one of {@link #names}
     * @param folder the only place to look for its files; empty for the usual places
     * @return the whole data set
     * @throws IllegalArgumentException if there is no data set of that name, it takes no folder, or it needs one
     * @throws DataException if files are missing or damaged
     * @see #load(String, Optional, ImageOptions)
     */
    public static Dataset load(String name, Optional<Path> folder) {
        return load(name, folder, ImageOptions.NONE);
    }

    /**
     * Loads a data set by name.
     *
     * <p>Files are looked for in the given folder and nowhere else; without one, in the first of
     * $XDG_CACHE_HOME/palimpsest/NAME (or ~/.cache/palimpsest/NAME) and /usr/share/datasets/NAME that holds any of
     * them. {@link Source#summary} and {@link Source#howToGet} say what each data set is and needs; {@code digits}
     * needs nothing, {@code image-folder} and {@code image-list} need a folder.
     *
     * @param name one of {@link #names}
     * @param folder the only place to look for its files; empty for the usual places
     * @param options how image files become images of one size; {@link ImageOptions#NONE} for data sets whose images
     *     have a size of their own
     * @return the whole data set
     * @throws IllegalArgumentException if there is no data set of that name, it takes no folder, it needs one, or it
     *     does not take the options
     * @throws DataException if files are missing or damaged
     */
    public static Dataset load(String name, Optional<Path> folder, ImageOptions options) {
        Source source = Source.named(name);
        if (!source.takesOptions() && !options.equals(ImageOptions.NONE)) {
            String others = String.join(
                    " and ",
                    Source.all().stream()
                            .filter(Source::takesOptions)
                            .map(Source::name)
                            .toList());
            throw new IllegalArgumentException(name + " has images of its own size: leave out --image-size, "
                    + "--image-crop, --skip-damaged and --test-share, which are for " + others);
        }
        if (source.needsFolder() && folder.isEmpty()) {
            throw new IllegalArgumentException(name + " needs a folder: " + source.howToGet());
        }
        return source.load(folder, options);
    }

    /**
     * The number of channels C.
     *
     * @return channels of every image: 1 for grey, 3 for RGB
     */
    public int channels() {
        return train.channels();
    }

    /**
     * The height H of every image.
     *
     * @return height in pixels
     */
    public int height() {
        return train.height();
    }

    /**
     * The width W of every image.
     *
     * @return width in pixels
     */
    public int width() {
        return train.width();
    }

    /**
     * The number of classes.
     *
     * @return how many classes there are names of; labels are below it
     */
    public int classes() {
        return classNames.size();
    }

    private static String size(Images images) {
        return images.channels() + "×" + images.height() + "×" + images.width();
    }

    private static void check(String name, String part, Images images, int classes) {
        if (images.size() == 0) {
            throw new IllegalArgumentException(name + " has no " + part + " images: it needs at least one");
        }
        for (int i = 0; i < images.size(); i++) {
            int label = images.label(i);
            if (label < 0 || label >= classes) {
                throw new IllegalArgumentException(
                        name + ": " + part + " image " + i + " has label " + label + ", expected 0.." + (classes - 1));
            }
        }
    }
}
