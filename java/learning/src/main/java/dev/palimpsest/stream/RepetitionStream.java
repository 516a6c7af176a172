package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.kernel.ClassRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A data set whose classes come again and again, with unlabelled images beside the labelled ones (class-incremental
 * with repetition).
 *
 * <p>The stream numbers the classes in the order in which they are first labelled, those of one experience by the data
 * set's label, so that all classes seen are one range. Classes that are never labelled are distractors and have the
 * numbers after those. Immutable.
 *
 * <p>One step takes a labelled and an unlabelled batch; the loaders work ahead on threads of their own:
 *
 * <pre>{@code
 * Images images = stream.dataset().train();
 * BatchPlan plan = BatchPlan.shuffled(experience.labelled(), 64, seed, epoch);
 * Iterator<Batch> unlabelled = pool.epoch(BatchPlan.cycled(experience.unlabelled(), 100, plan.batches(), seed, epoch), epoch).iterator();
 * for (Batch labelled : loader.epoch(plan, epoch)) {
 *     Batch both = unlabelled.next(); // of new Loader(images, label -> -1, List.of(weak, strong), 100, seed)
 *     both.view(0); both.view(1);
 * }
 * }</pre>
 */
public final class RepetitionStream {
    private final Dataset dataset;
    private final int[] position;
    private final int[] order;
    private final int classes;
    private final List<RepetitionExperience> experiences;

    /**
     * @param labelled indices into the data set's training images, for every experience
     * @param unlabelled the same of its unlabelled images
     * @throws IllegalArgumentException if the lists differ in length or are empty, an experience has no labelled
     *     image, an index is out of range, an image is labelled twice or is in a list twice, or an unlabelled image is
     *     or was labelled
     */
    public RepetitionStream(Dataset dataset, List<int[]> labelled, List<int[]> unlabelled) {
        if (labelled.isEmpty() || labelled.size() != unlabelled.size()) {
            throw new IllegalArgumentException(
                    "a stream needs as many lists of unlabelled images as of labelled ones, got " + unlabelled.size()
                            + " and " + labelled.size());
        }
        this.dataset = dataset;
        Images images = dataset.train();
        position = new int[dataset.classes()];
        order = new int[dataset.classes()];
        Arrays.fill(position, -1);
        BitSet used = new BitSet();
        List<RepetitionExperience> list = new ArrayList<>();
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
            list.add(new RepetitionExperience(e, numbers, before, seen, own, pool, test(before, seen)));
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
     * A stream drawn by a seed. Classes without test images are never labelled; which of the others come when is up to
     * the order.
     *
     * @throws IllegalArgumentException if the data set has too few images or classes for the plan
     */
    public static RepetitionStream generate(Dataset dataset, RepetitionPlan plan, ClassOrder order, long seed) {
        return new RepetitionDraw(dataset, plan, order, seed).stream();
    }

    /**
     * A stream of the CLVision 2024 challenge. The data set is its images in the order of its train.txt, as image-list
     * reads them.
     *
     * @throws IllegalArgumentException if the data set's labels give an experience another number of classes than the
     *     file does, and as the constructor
     */
    public static RepetitionStream of(Dataset dataset, Scenario scenario) {
        var stream = new RepetitionStream(dataset, scenario.labelled(), scenario.unlabelled());
        for (RepetitionExperience e : stream.experiences) {
            stream.checkClasses(
                    e, "labelled", e.labelled(), scenario.labelledClasses().get(e.index()).length);
            stream.checkClasses(
                    e,
                    "unlabelled",
                    e.unlabelled(),
                    scenario.unlabelledClasses().get(e.index()).length);
        }
        return stream;
    }

    private void checkClasses(RepetitionExperience experience, String kind, int[] indices, int expected) {
        long found =
                Arrays.stream(indices).map(dataset.train()::label).distinct().count();
        if (found != expected) {
            throw new IllegalArgumentException(
                    "the " + kind + " images of experience " + experience.index() + " are of " + found
                            + " classes in " + dataset.name() + " and of " + expected
                            + " in the scenario file: use the data set that it was made "
                            + "for, its images in the order of its train.txt");
        }
    }

    public Dataset dataset() {
        return dataset;
    }

    public List<RepetitionExperience> experiences() {
        return experiences;
    }

    /** How many classes are ever labelled. */
    public int classes() {
        return classes;
    }

    /** All classes seen when the experience is over. */
    public ClassRange seenAfter(int experience) {
        return new ClassRange(0, experiences.get(experience).seen());
    }

    /** Names of the classes in the stream's numbering, those of distractors last. */
    public List<String> classNames() {
        return Arrays.stream(order).mapToObj(dataset.classNames()::get).toList();
    }

    /** The stream's number of a class of the data set; {@link #classes()} and more for a distractor. */
    public int relabel(int label) {
        return position[label];
    }

    private int number(int label, int next) {
        position[label] = next;
        order[next] = label;
        return next + 1;
    }

    private int[] test(int begin, int end) {
        Images images = dataset.test();
        return IntStream.range(0, images.size())
                .filter(i -> position[images.label(i)] >= begin && position[images.label(i)] < end)
                .toArray();
    }

    private static int[] sorted(int[] indices, String kind, int experience, int images) {
        int[] sorted = indices.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < sorted.length; i++) {
            if (sorted[i] < 0 || sorted[i] >= images) {
                throw new IllegalArgumentException("experience " + experience + " has " + kind + " image " + sorted[i]
                        + ", there are " + images + " training images: use the data set that the stream was made for");
            }
            if (i > 0 && sorted[i] == sorted[i - 1]) {
                throw new IllegalArgumentException("experience " + experience + " has " + kind + " image " + sorted[i]
                        + " twice: name each image once");
            }
        }
        return sorted;
    }

    private static void checkFresh(int[] labelled, BitSet used, int experience) {
        if (labelled.length == 0) {
            throw new IllegalArgumentException(
                    "experience " + experience + " has no labelled image: it needs at least one");
        }
        for (int index : labelled) {
            if (used.get(index)) {
                throw new IllegalArgumentException("image " + index + " is labelled in experience " + experience
                        + " and in an earlier one: label each image once");
            }
            used.set(index);
        }
    }

    private static void checkPool(int[] unlabelled, BitSet used, int experience) {
        for (int index : unlabelled) {
            if (used.get(index)) {
                throw new IllegalArgumentException("unlabelled image " + index + " of experience " + experience
                        + " is or was labelled: leave it out of the pool");
            }
        }
    }
}
