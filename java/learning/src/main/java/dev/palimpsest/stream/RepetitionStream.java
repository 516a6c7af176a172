package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.Given;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.stream.Stream.ClassOrder;
import dev.palimpsest.stream.Stream.Experience;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A data set whose classes come again and again, with unlabelled images in addition to the labelled ones
 * (class-incremental with repetition).
 *
 * <p>The stream numbers the classes in the order in which they are first labelled, those of one experience by the data
 * set's label, so that all classes seen are one range. Classes that are never labelled are distractors and have the
 * numbers after those. Immutable.
 *
 * <p>Of an {@link Experience} of this stream, {@code train} are the labelled images, each in no other experience;
 * {@code unlabelled} are none that is or was labelled, but some may be later; {@code test} are those of the classes
 * that are new, so there may be none, and so are {@code validation}, which are in no other list.
 */
public final class RepetitionStream implements Stream {
    private final Dataset dataset;
    private final int[] position;
    private final int[] order;
    private final int classes;
    private static final String INDICES = "indices";

    private final List<Experience> experiences;

    /**
     * A stream of the caller's choice. Nothing is held out for validation.
     *
     * @param dataset its classes without labelled images are distractors
     * @param labelled indices into the data set's training images, for every experience; copied
     * @param unlabelled the same of its unlabelled images; copied
     * @throws IllegalArgumentException if the lists differ in length or are empty, an experience has no labelled
     *     image, an index is out of range, an image is labelled twice or is in a list twice, or an unlabelled image is
     *     or was labelled
     */
    public RepetitionStream(Dataset dataset, List<int[]> labelled, List<int[]> unlabelled) {
        this(dataset, labelled, unlabelled, new int[0]);
    }

    /** @param heldOut indices of training images that are in none of the lists, ascending */
    RepetitionStream(Dataset dataset, List<int[]> labelled, List<int[]> unlabelled, int[] heldOut) {
        if (labelled.isEmpty() || labelled.size() != unlabelled.size()) {
            throw new IllegalArgumentException(
                    "a stream needs as many lists of unlabelled images as of labelled ones, got " + unlabelled.size()
                            + " and " + labelled.size());
        }
        Given.all(labelled, "list of labelled images", INDICES);
        Given.all(unlabelled, "list of unlabelled images", INDICES);
        this.dataset = dataset;
        Images images = dataset.train();
        position = new int[dataset.classes()];
        order = new int[dataset.classes()];
        Arrays.fill(position, -1);
        BitSet used = new BitSet();
        List<Experience> list = new ArrayList<>();
        int seen = 0;
        for (int e = 0; e < labelled.size(); e++) {
            int[] own = sorted(labelled.get(e), "labelled", e, images.size());
            int[] pool = sorted(unlabelled.get(e), "unlabelled", e, images.size());
            checkFresh(own, used, e);
            int before = seen;
            int[] labels =
                    Arrays.stream(own).map(images::label).distinct().sorted().toArray();
            for (int label : labels) {
                if (position[label] < 0) {
                    seen = number(label, seen);
                }
            }
            checkPool(pool, used, e);
            int[] numbers =
                    Arrays.stream(labels).map(label -> position[label]).sorted().toArray();
            ClassRange fresh = new ClassRange(before, seen);
            int[] validation = Arrays.stream(heldOut)
                    .filter(i -> fresh.contains(position[images.label(i)]))
                    .toArray();
            list.add(new Experience(e, fresh, numbers, own, pool, validation, test(fresh)));
        }
        classes = seen;
        for (int label = 0; label < position.length; label++) {
            if (position[label] < 0) {
                seen = number(label, seen);
            }
        }
        experiences = List.copyOf(list);
    }

    /**
     * A stream drawn by a seed, with nothing held out for validation. Classes without test images are never labelled;
     * which of the others come when is up to the order.
     *
     * @param dataset classes without test images are distractors
     * @param plan how many experiences, images and classes there are
     * @param order in which the classes arrive that are not distractors
     * @param seed of everything that is drawn
     * @return the same stream for the same arguments
     * @throws IllegalArgumentException if the data set has too few images or classes for the plan
     */
    public static RepetitionStream generate(Dataset dataset, RepetitionPlan plan, ClassOrder order, long seed) {
        return generate(dataset, plan, order, 0, seed);
    }

    /**
     * A stream drawn by a seed, of what validation leaves.
     *
     * @param dataset classes without test images are distractors
     * @param plan how many experiences, images and classes there are
     * @param order in which the classes arrive that are not distractors
     * @param validationFraction share of every such class's training images that is held out, in [0, 1)
     * @param seed of everything that is drawn
     * @return the same stream for the same arguments
     * @throws IllegalArgumentException if the data set has too few images or classes for the plan, or nothing of a
     *     class would be left
     */
    public static RepetitionStream generate(
            Dataset dataset, RepetitionPlan plan, ClassOrder order, double validationFraction, long seed) {
        return new RepetitionDraw(dataset, plan, order, validationFraction, seed).stream();
    }

    /**
     * A stream of the CLVision 2024 challenge. The data set is its images in the order of its train.txt, as image-list
     * reads them.
     *
     * @param dataset that the scenario was made for
     * @param scenario which images come when
     * @return the scenario's stream
     * @throws IllegalArgumentException if the data set's labels give an experience other classes than the scenario
     *     does, or its lists are none that the constructor takes
     */
    public static RepetitionStream of(Dataset dataset, Scenario scenario) {
        var stream = new RepetitionStream(dataset, scenario.labelled(), scenario.unlabelled());
        ScenarioClasses.check(stream, scenario);
        return stream;
    }

    @Override
    public Dataset dataset() {
        return dataset;
    }

    @Override
    public List<Experience> experiences() {
        return experiences;
    }

    /**
     * The number of classes.
     *
     * @return how many classes are ever labelled, without distractors
     */
    @Override
    public int classes() {
        return classes;
    }

    @Override
    public List<String> classNames() {
        return Arrays.stream(order, 0, classes)
                .mapToObj(dataset.classNames()::get)
                .toList();
    }

    /**
     * The stream's number of a class of the data set.
     *
     * @param label the data set's number of the class
     * @return below {@link #classes()} for a class that is labelled; from there on for distractors
     * @throws IndexOutOfBoundsException if there is no such class
     */
    @Override
    public int relabel(int label) {
        return position[label];
    }

    private int number(int label, int next) {
        position[label] = next;
        order[next] = label;
        return next + 1;
    }

    private int[] test(ClassRange fresh) {
        Images images = dataset.test();
        return IntStream.range(0, images.size())
                .filter(i -> fresh.contains(position[images.label(i)]))
                .toArray();
    }

    private static int[] sorted(int[] indices, String kind, int experience, int images) {
        int[] sorted = indices.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < sorted.length; i++) {
            if (sorted[i] < 0 || sorted[i] >= images) {
                throw new IllegalArgumentException(
                        "experience " + (experience + 1) + " has " + kind + " image " + sorted[i] + ", there are "
                                + images + " training images: use the data set that the stream was made for");
            }
            if (i > 0 && sorted[i] == sorted[i - 1]) {
                throw new IllegalArgumentException("experience " + (experience + 1) + " has " + kind + " image "
                        + sorted[i] + " twice: name each image once");
            }
        }
        return sorted;
    }

    private static void checkFresh(int[] labelled, BitSet used, int experience) {
        if (labelled.length == 0) {
            throw new IllegalArgumentException(
                    "experience " + (experience + 1) + " has no labelled image: it needs at least one");
        }
        for (int index : labelled) {
            if (used.get(index)) {
                throw new IllegalArgumentException("image " + index + " is labelled in experience " + (experience + 1)
                        + " and in an earlier one: label each image once");
            }
            used.set(index);
        }
    }

    private static void checkPool(int[] unlabelled, BitSet used, int experience) {
        for (int index : unlabelled) {
            if (used.get(index)) {
                throw new IllegalArgumentException("unlabelled image " + index + " of experience " + (experience + 1)
                        + " is or was labelled: leave it out of the pool");
            }
        }
    }

    /**
     * Which images come when, as a file or a program gives it. The arrays are not to be changed.
     *
     * @param classes that the data set has, distractors among them
     * @param labelled indices of training images, for every experience
     * @param unlabelled indices of training images, for every experience
     * @param labelledClasses of which classes the labelled images of each experience are, ascending
     * @param unlabelledClasses the same of the unlabelled images
     */
    public record Scenario(
            int classes,
            List<int[]> labelled,
            List<int[]> unlabelled,
            List<int[]> labelledClasses,
            List<int[]> unlabelledClasses) {
        /** Copies the lists. */
        public Scenario {
            labelled = Given.all(labelled, "list of labelled images", INDICES);
            unlabelled = Given.all(unlabelled, "list of unlabelled images", INDICES);
            labelledClasses = Given.all(labelledClasses, "list of labelled classes", INDICES);
            unlabelledClasses = Given.all(unlabelledClasses, "list of unlabelled classes", INDICES);
        }
    }
}
