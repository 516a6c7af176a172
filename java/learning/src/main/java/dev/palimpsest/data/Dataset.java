package dev.palimpsest.data;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A data set of labelled images, split into training and test. Both parts have the same size of image, classes and
 * normalisation (that of the training images).
 *
 * @param name as given to {@link #load}
 * @param classNames the class of label c is {@code classNames.get(c)}
 * @param sha256 hash of every file that was read, in hexadecimal, by file name; of the bytes as they lie on the disk,
 *     so that a compressed and a plain copy differ
 * @param licence in one line, with whom to attribute
 */
public record Dataset(
        String name,
        List<String> classNames,
        Images train,
        Images test,
        SortedMap<String, String> sha256,
        String licence) {
    /**
     * @throws IllegalArgumentException if the images of the two parts differ in size, a part is empty, or a label is
     *     out of range
     */
    public Dataset {
        classNames = List.copyOf(classNames);
        sha256 = Collections.unmodifiableSortedMap(new TreeMap<>(sha256));
        if (!size(train).equals(size(test))) {
            throw new IllegalArgumentException(
                    name + ": training images are " + size(train) + ", test images " + size(test));
        }
        check(name, "training", train, classNames.size());
        check(name, "test", test, classNames.size());
    }

    /**
     * A data set of images in memory, without files behind it.
     *
     * @param name for records and reports
     * @param classNames the class of label c is {@code classNames.get(c)}
     * @param train training images
     * @param test test images, of the same size
     * @return the data set
     * @throws IllegalArgumentException as the constructor
     */
    public static Dataset of(String name, List<String> classNames, Images train, Images test) {
        return new Dataset(name, classNames, train, test, new TreeMap<>(), "");
    }

    /** The names that {@link #load} knows. */
    public static List<String> names() {
        return Source.all().stream().map(Source::name).toList();
    }

    /**
     * Loads a data set by name.
     *
     * <ul>
     *   <li>{@code digits}: 1,797 images of 8×8, pixels 0..16, in the library itself. Of each class every fifth image,
     *       in the file's order, is a test image: 1,442 for training and 355 for test. The same people wrote both.
     *   <li>{@code fashion-mnist}, {@code mnist}: IDX files with their usual names, plain or .gz, from the given
     *       folder and nowhere else; without one, from the first of $XDG_CACHE_HOME/palimpsest/NAME (or
     *       ~/.cache/palimpsest/NAME) and /usr/share/datasets/NAME that holds any of them.
     *   <li>{@code cifar-10}, {@code cifar-100} (fine classes): the authors' binary version, in the same places, there
     *       or in the folder that their archive unpacks to.
     *   <li>{@code glyphs}: what {@link GlyphRendering} left in the given folder, or in the same places as CIFAR.
     *   <li>{@code glyphs-distractors}: the same with the distractors as training images, of classes without test
     *       images.
     *   <li>{@code image-folder}: PNG and JPEG files in train/CLASS and test/CLASS (or val/CLASS) of the given folder.
     *   <li>{@code image-list}: the files that train.txt and test.txt of the given folder name, a path and a label a
     *       line.
     * </ul>
     *
     * @throws IllegalArgumentException if there is no data set of that name, it takes no folder, or it needs one
     * @throws DataException if files are missing or damaged
     */
    public static Dataset load(String name, Optional<Path> folder) {
        return load(name, folder, ImageOptions.NONE);
    }

    /** As {@link #load(String, Optional)}, with what data sets of image files need to know. */
    public static Dataset load(String name, Optional<Path> folder, ImageOptions options) {
        return Source.named(name).load(folder, options);
    }

    public int channels() {
        return train.channels();
    }

    public int height() {
        return train.height();
    }

    public int width() {
        return train.width();
    }

    public int classes() {
        return classNames.size();
    }

    private static String size(Images images) {
        return images.channels() + "×" + images.height() + "×" + images.width();
    }

    private static void check(String name, String part, Images images, int classes) {
        if (images.size() == 0) {
            throw new IllegalArgumentException(name + " has no " + part + " images");
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
