package dev.palimpsest;

import dev.palimpsest.data.Images;
import dev.palimpsest.internal.ClassNames;
import dev.palimpsest.internal.Given;
import dev.palimpsest.tensor.Shape;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Samples with the names of their classes, for a lesson: images, or features that were computed elsewhere. Immutable;
 * any number of threads may read it.
 */
public final class Samples {
    /** Single images have tables of their own, which would outweigh small ones. */
    private static final int JOINED_AT_ONCE = 256;

    private static final String VECTOR = "numbers";

    /** What an iterator gave. */
    private record Named<T>(String className, T sample) {
        static <T> Named<T> of(Map.Entry<String, T> given, String what, int index, String expected) {
            Given.element(given, what, index, expected + " with the name of its class");
            return new Named<>(
                    Given.element(given.getKey(), "class name", index, "a text"),
                    Given.element(given.getValue(), what, index, expected));
        }
    }

    private final List<String> classNames;
    private final int[] labels;
    private final Shape shape;
    /** Empty for features. */
    private final Optional<Images> images;
    /** Empty for images. */
    private final float[][] features;

    private Samples(List<String> classNames, int[] labels, Shape shape, Optional<Images> images, float[][] features) {
        if (labels.length == 0) {
            throw noSample();
        }
        this.classNames = ClassNames.checked(classNames);
        this.labels = labels;
        this.shape = shape;
        this.images = images;
        this.features = features;
    }

    /**
     * Images that are in memory. Those of a size other than the model's are refused when they are learnt.
     *
     * @param images N images with labels; how they are normalised does not matter, the model has its own way
     * @param classNames names of the classes; label c stands for {@code classNames.get(c)}; a class may be without
     *     images
     * @return N samples, over the same pixels
     * @throws IllegalArgumentException if there is no image, a label has no name, or names are blank or not distinct
     */
    public static Samples of(Images images, List<String> classNames) {
        int[] labels = new int[images.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = images.label(i);
            if (labels[i] < 0 || labels[i] >= classNames.size()) {
                throw new IllegalArgumentException("image " + i + " has label " + labels[i] + ", expected 0 to "
                        + (classNames.size() - 1) + ": there are " + classNames.size() + " names of classes");
            }
        }
        Shape shape = Shape.of(images.channels(), images.height(), images.width());
        return new Samples(classNames, labels, shape, Optional.of(images), new float[0][]);
    }

    /**
     * Pictures of any size, for a model of RGB images: the central square, resampled to the model's height.
     *
     * @param pictures N pictures, read at once
     * @param classOfEach the name of each picture's class
     * @param setup of the model that is to learn them
     * @return N samples
     * @throws IllegalArgumentException if the model is not of square RGB images, or there are not as many names as
     *     pictures
     */
    public static Samples of(List<BufferedImage> pictures, List<String> classOfEach, Setup setup) {
        List<String> names = distinct(classOfEach, pictures.size());
        int[] labels = classOfEach.stream().mapToInt(names::indexOf).toArray();
        return of(Images.ofPictures(pictures, squareSide(setup), labels), names);
    }

    /**
     * Pictures that come one after another, for a model of RGB images. Each is brought to the model's size and let go
     * before the next is asked for, so that the pictures need not be in memory together.
     *
     * @param pictures of any size, each with the name of its class; read to the end, at once
     * @param setup of the model that is to learn them
     * @return as many samples as there are pictures, classes in the order in which they came
     * @throws IllegalArgumentException if the model is not of square RGB images, or there is no picture
     */
    public static Samples of(Iterator<? extends Map.Entry<String, BufferedImage>> pictures, Setup setup) {
        int side = squareSide(setup);
        Map<String, Integer> numbers = new LinkedHashMap<>();
        List<Images> read = new ArrayList<>();
        List<Images> latest = new ArrayList<>();
        int[] index = {0};
        pictures.forEachRemaining(picture -> {
            Named<BufferedImage> next = Named.of(picture, "picture", index[0]++, "an image");
            numbers.putIfAbsent(next.className, numbers.size());
            int[] label = {numbers.get(next.className)};
            latest.add(Images.ofPictures(List.of(next.sample), side, label));
            if (latest.size() == JOINED_AT_ONCE) {
                read.add(Images.joined(latest));
                latest.clear();
            }
        });
        read.addAll(latest);
        if (read.isEmpty()) {
            throw noSample();
        }
        return of(Images.joined(read), List.copyOf(numbers.keySet()));
    }

    /**
     * The image files of a folder that has a folder for every class, whose name is the class's.
     *
     * @param folder CLASS/….png and so on, as {@link Images#filesIn} finds them
     * @param setup of the model that is to learn them
     * @return the samples, classes and files in the order of their names
     * @throws dev.palimpsest.data.DataException with a sentence naming the file or folder, if one cannot be read, or
     *     there is nothing
     * @throws IllegalArgumentException if the model is not of square RGB images
     */
    public static Samples ofFolder(Path folder, Setup setup) {
        Images.Named found = Images.ofFolder(folder, squareSide(setup));
        return of(found.images(), found.classNames());
    }

    /**
     * Feature vectors that another library computed, or rows of a table.
     *
     * @param features [N][d], finite; kept, not copied
     * @param classOfEach the name of each vector's class
     * @return N samples
     * @throws IllegalArgumentException if vectors differ in length, a value is NaN or infinite, or there are not as
     *     many names as vectors
     */
    public static Samples ofFeatures(float[][] features, List<String> classOfEach) {
        List<String> names = distinct(classOfEach, features.length);
        int[] labels = classOfEach.stream().mapToInt(names::indexOf).toArray();
        int dimensions = features.length == 0 ? 0 : Given.element(features[0], "vector", 0, VECTOR).length;
        for (int i = 0; i < features.length; i++) {
            requireVector(Given.element(features[i], "vector", i, VECTOR), dimensions, "vector " + i);
        }
        return new Samples(names, labels, Shape.of(dimensions), Optional.empty(), features);
    }

    /**
     * Feature vectors that come one after another.
     *
     * @param features vectors of one length, finite, each with the name of its class; kept, not copied; read to the
     *     end, at once
     * @return as many samples as there are vectors
     * @throws IllegalArgumentException if there is no vector, vectors differ in length, or a value is NaN or infinite
     */
    public static Samples ofFeatures(Iterator<? extends Map.Entry<String, float[]>> features) {
        List<String> classOfEach = new ArrayList<>();
        List<float[]> vectors = new ArrayList<>();
        features.forEachRemaining(vector -> {
            Named<float[]> next = Named.of(vector, "vector", vectors.size(), VECTOR);
            classOfEach.add(next.className);
            vectors.add(next.sample);
        });
        return ofFeatures(vectors.toArray(float[][]::new), classOfEach);
    }

    /** Refuses a vector of another length, and values that no statistic can take. */
    static void requireVector(float[] vector, int dimensions, String what) {
        if (vector.length != dimensions) {
            throw new IllegalArgumentException(what + " has " + vector.length + " values, expected " + dimensions);
        }
        for (int d = 0; d < dimensions; d++) {
            if (!Float.isFinite(vector[d])) {
                throw new IllegalArgumentException(
                        what + " has the value " + vector[d] + " at " + d + ": expected finite numbers");
            }
        }
    }

    private static IllegalArgumentException noSample() {
        return new IllegalArgumentException("a lesson needs at least one sample, got none");
    }

    private static List<String> distinct(List<String> classOfEach, int samples) {
        if (classOfEach.size() != samples) {
            throw new IllegalArgumentException(
                    samples + " samples and " + classOfEach.size() + " names of classes: expected one for each");
        }
        return List.copyOf(new LinkedHashSet<>(Given.all(classOfEach, "class name", "a text")));
    }

    private static int squareSide(Setup setup) {
        Shape input = setup.input();
        if (input.rank() != 3 || input.extent(0) != 3 || input.extent(1) != input.extent(2)) {
            throw new IllegalArgumentException("pictures become square RGB images, 3×S×S, and this model learns from "
                    + described(input) + (input.rank() == 1 ? ": give vectors" : ": give Images of that size"));
        }
        return input.extent(1);
    }

    /**
     * The number of samples N.
     *
     * @return at least 1
     */
    public int size() {
        return labels.length;
    }

    /**
     * The classes.
     *
     * @return distinct names
     */
    public List<String> classNames() {
        return classNames;
    }

    /** @param does what the model does with samples, for the sentence */
    static void requireShape(String does, Shape expected, Shape found) {
        if (expected.equals(found)) {
            return;
        }
        boolean vectors = expected.rank() == 1;
        String remedy = "give " + (vectors ? "vectors" : "images");
        if (expected.rank() == found.rank()) {
            remedy = vectors ? "take them from the backbone that it learnt from" : "bring them to that size";
        }
        throw new IllegalArgumentException(
                "the model " + does + " " + described(expected) + ", got " + described(found) + ": " + remedy);
    }

    static String described(Shape sample) {
        return sample.rank() == 1 ? "vectors of " + sample + " values" : "images of " + sample;
    }

    /** Of one sample. */
    Shape shape() {
        return shape;
    }

    /** Empty for features. */
    Optional<Images> images() {
        return images;
    }

    /** [samples][d]; only for features. */
    float[][] features(int[] indices) {
        return Arrays.stream(indices).mapToObj(i -> features[i]).toArray(float[][]::new);
    }

    /** Indices of a class's samples, ascending. */
    int[] of(int label) {
        int[] indices = new int[labels.length];
        int n = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] == label) {
                indices[n++] = i;
            }
        }
        return Arrays.copyOf(indices, n);
    }
}
