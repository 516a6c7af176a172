package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.Given;
import dev.palimpsest.internal.Purpose;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.stream.Stream.ClassOrder;
import dev.palimpsest.stream.Stream.Experience;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A data set whose classes come in disjoint groups, one group per experience.
 *
 * <p>The stream numbers the classes in the order in which they come: label c of the data set becomes its position in
 * the class order, so that the classes of an experience, and all classes seen after it, are each one range. Immutable.
 */
public final class ClassIncrementalStream implements Stream {
    private final Dataset dataset;
    private final int[] order;
    private final int[] position;
    private final List<Experience> experiences;

    /**
     * Divides a data set into experiences.
     *
     * @param dataset all of its classes come
     * @param split how many classes each experience has
     * @param order of the classes
     * @param validationFraction share of every class's training images that is held out: round(fraction · count) of
     *     them (half up), drawn at random by {@code seed}, independently of the class order; in [0, 1)
     * @param seed of the validation images
     * @throws IllegalArgumentException if the split or the order does not fit the data set's classes, the fraction is
     *     out of range, or a class is left without training images
     */
    public ClassIncrementalStream(
            Dataset dataset, Split split, ClassOrder order, double validationFraction, long seed) {
        int classes = dataset.classes();
        if (split.classes() != classes) {
            throw new IllegalArgumentException("split " + split + " takes " + split.classes() + " classes, "
                    + dataset.name() + " has " + classes + ": choose a split whose experiences add up to " + classes);
        }
        if (!(validationFraction >= 0 && validationFraction < 1)) {
            throw new IllegalArgumentException(
                    "the validation fraction must be at least 0 and below 1, got " + validationFraction);
        }
        this.dataset = dataset;
        this.order = order.of(classes);
        this.position = new int[classes];
        for (int p = 0; p < classes; p++) {
            position[this.order[p]] = p;
        }
        boolean[] heldOut = heldOut(dataset, validationFraction, seed);
        List<Experience> list = new ArrayList<>();
        int begin = 0;
        for (int size : split.sizes()) {
            ClassRange range = new ClassRange(begin, begin + size);
            int[] all = indices(dataset.train(), range);
            int[] train = Arrays.stream(all).filter(i -> !heldOut[i]).toArray();
            int[] validation = Arrays.stream(all).filter(i -> heldOut[i]).toArray();
            list.add(Experience.ofNewClasses(list.size(), range, train, validation, indices(dataset.test(), range)));
            begin += size;
        }
        this.experiences = List.copyOf(list);
    }

    /**
     * Divides a data set into experiences that are described by text.
     *
     * @param dataset all of its classes come
     * @param split how many classes each experience has, as {@link Split#parse} takes it: "5x2", "50+10x5"
     * @param order of the classes, as {@link ClassOrder#parse} takes it: a seed, or labels joined by commas
     * @param validationFraction share of every class's training images that is held out, in [0, 1)
     * @param seed of the validation images
     * @return the stream
     * @throws IllegalArgumentException if a text is not of that form, the split or the order does not fit the data
     *     set's classes, the fraction is out of range, or a class is left without training images
     */
    public static ClassIncrementalStream of(
            Dataset dataset, String split, String order, double validationFraction, long seed) {
        return new ClassIncrementalStream(
                dataset, Split.parse(split), ClassOrder.parse(order), validationFraction, seed);
    }

    @Override
    public Dataset dataset() {
        return dataset;
    }

    @Override
    public List<Experience> experiences() {
        return experiences;
    }

    @Override
    public int classes() {
        return order.length;
    }

    @Override
    public List<String> classNames() {
        return Arrays.stream(order).mapToObj(dataset.classNames()::get).toList();
    }

    /**
     * The stream's number of a class of the data set.
     *
     * @throws IndexOutOfBoundsException if there is no such class
     */
    @Override
    public int relabel(int label) {
        return position[label];
    }

    private int[] indices(Images images, ClassRange range) {
        return IntStream.range(0, images.size())
                .filter(i -> range.contains(relabel(images.label(i))))
                .toArray();
    }

    /** Class by class, so that every class gives its share. */
    private static boolean[] heldOut(Dataset dataset, double fraction, long seed) {
        Images images = dataset.train();
        boolean[] heldOut = new boolean[images.size()];
        for (int c = 0; c < dataset.classes(); c++) {
            int label = c;
            int[] own = IntStream.range(0, images.size())
                    .filter(i -> images.label(i) == label)
                    .toArray();
            if (own.length == 0) {
                throw new IllegalArgumentException(
                        "class " + dataset.classNames().get(c)
                                + " has no training images: put some there, or leave the class out");
            }
            int count = (int) Math.round(fraction * own.length);
            if (count == own.length) {
                throw new IllegalArgumentException(
                        "class " + dataset.classNames().get(c) + " has " + own.length
                                + " training images, a validation fraction of " + fraction
                                + " leaves none: choose a smaller one");
            }
            SplitMix64.of(seed, Purpose.VALIDATION, c).shuffle(own);
            for (int i = 0; i < count; i++) {
                heldOut[own[i]] = true;
            }
        }
        return heldOut;
    }

    /**
     * How many new classes each experience brings.
     *
     * @param sizes number of classes of experience 1, 2, …; at least one experience, each of at least 1 class
     */
    public record Split(List<Integer> sizes) {
        private static final Pattern TERM = Pattern.compile("(?:(\\d{1,4})[x×])?(\\d{1,4})");

        /**
         * Checks and copies the sizes.
         *
         * @throws IllegalArgumentException if there is no experience, or one without classes
         */
        public Split {
            sizes = Given.all(sizes, "size", "a number of classes");
            if (sizes.isEmpty() || sizes.stream().anyMatch(size -> size < 1)) {
                throw new IllegalArgumentException("every experience needs at least one class, got " + sizes);
            }
        }

        /**
         * Reads a split as recipes write it.
         *
         * @param text terms joined by +, each {@code N} (one experience of N classes) or {@code ExN} (E experiences of
         *     N classes): "5x2", "10x10", "50+10x5"
         * @return the split
         * @throws IllegalArgumentException if the text is anything else
         */
        public static Split parse(String text) {
            List<Integer> sizes = new ArrayList<>();
            for (String term : text.split("\\+", -1)) {
                Matcher matcher = TERM.matcher(term.strip());
                int experiences =
                        matcher.matches() ? matcher.group(1) == null ? 1 : Integer.parseInt(matcher.group(1)) : 0;
                if (experiences == 0 || Integer.parseInt(matcher.group(2)) == 0) {
                    throw new IllegalArgumentException(
                            "\"" + text + "\" is not a split: expected EXPERIENCESxCLASSES such as 5x2, or 50+10x5 "
                                    + "for an experience of 50 classes and ten of 5");
                }
                for (int i = 0; i < experiences; i++) {
                    sizes.add(Integer.parseInt(matcher.group(2)));
                }
            }
            return new Split(sizes);
        }

        /**
         * The number of classes.
         *
         * @return how many classes all experiences have together
         */
        public int classes() {
            return sizes.stream().mapToInt(Integer::intValue).sum();
        }

        /** The shortest text that {@link #parse} takes for this. */
        @Override
        public String toString() {
            List<String> terms = new ArrayList<>();
            for (int begin = 0, end; begin < sizes.size(); begin = end) {
                end = begin + 1;
                while (end < sizes.size() && sizes.get(end).equals(sizes.get(begin))) {
                    end++;
                }
                terms.add((end - begin == 1 ? "" : end - begin + "x") + sizes.get(begin));
            }
            return terms.stream().collect(Collectors.joining("+"));
        }
    }
}
