package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.Purpose;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.stream.RepetitionPlan.Pool;
import dev.palimpsest.stream.Stream.ClassOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Draws a {@link RepetitionStream}: first which class comes when, then which images. Columns are classes in the order
 * of arrival.
 */
final class RepetitionDraw {
    private final Dataset dataset;
    private final RepetitionPlan plan;
    private final double validationFraction;
    private final long seed;
    /** The data set's label of each column; distractors after those that are labelled. */
    private final int[] labels;

    private final int classes;
    private final boolean[][] present;
    /**
     * Of each column, its images in the order in which they are labelled; those from {@link #taken} on are not
     * labelled yet.
     */
    private final int[][] images;

    private final int[] taken;

    RepetitionDraw(Dataset dataset, RepetitionPlan plan, ClassOrder order, double validationFraction, long seed) {
        if (!(validationFraction >= 0 && validationFraction < 1)) {
            throw new IllegalArgumentException(
                    "the validation fraction must be at least 0 and below 1, got " + validationFraction);
        }
        this.dataset = dataset;
        this.plan = plan;
        this.validationFraction = validationFraction;
        this.seed = seed;
        boolean[] tested = new boolean[dataset.classes()];
        for (int i = 0; i < dataset.test().size(); i++) {
            tested[dataset.test().label(i)] = true;
        }
        int[] labelled =
                IntStream.range(0, tested.length).filter(label -> tested[label]).toArray();
        classes = labelled.length;
        labels = IntStream.concat(
                        Arrays.stream(order.of(classes)).map(c -> labelled[c]),
                        IntStream.range(0, tested.length).filter(label -> !tested[label]))
                .toArray();
        if (plan.pool() == Pool.DISTRACTORS && labels.length == classes) {
            throw new IllegalArgumentException(
                    dataset.name() + " has no distractors, which are classes without test images: use a pool of "
                            + Pool.CURRENT + " or " + Pool.ALL + ", or data = glyphs-distractors");
        }
        present = new boolean[plan.experiences()][classes];
        images = new int[labels.length][];
        taken = new int[labels.length];
    }

    RepetitionStream stream() {
        drawClasses();
        IntStream heldOut = IntStream.empty();
        for (int column = 0; column < images.length; column++) {
            int[] own = imagesOf(labels[column]);
            SplitMix64.of(seed, Purpose.LABELLED, column).shuffle(own);
            int kept = own.length - (column < classes ? heldOut(own.length, labels[column]) : 0);
            images[column] = Arrays.copyOf(own, kept);
            heldOut = IntStream.concat(heldOut, Arrays.stream(own, kept, own.length));
        }
        List<int[]> labelled = new ArrayList<>();
        List<int[]> unlabelled = new ArrayList<>();
        for (int e = 0; e < plan.experiences(); e++) {
            fit(e);
            labelled.add(drawLabelled(e));
            unlabelled.add(drawUnlabelled(e));
        }
        return new RepetitionStream(
                dataset, labelled, unlabelled, heldOut.sorted().toArray());
    }

    private int heldOut(int count, int label) {
        int heldOut = (int) Math.round(validationFraction * count);
        if (heldOut == count && count > 0) {
            throw new IllegalArgumentException("class " + dataset.classNames().get(label) + " has " + count
                    + " training images, a validation fraction of " + validationFraction
                    + " leaves none: choose a smaller one");
        }
        return heldOut;
    }

    private void drawClasses() {
        plan.windows(classes);
        for (int column = 0; column < classes; column++) {
            SplitMix64 random = SplitMix64.of(seed, Purpose.REPETITION, column);
            int begin = begin(column);
            int end = end(column);
            boolean arrived = false;
            for (int e = begin; e < plan.experiences(); e++) {
                present[e][column] = random.nextDouble() < (e < end ? plan.arriving() : plan.returning());
                arrived |= e < end && present[e][column];
            }
            if (!arrived) {
                present[begin + random.nextInt(end - begin)][column] = true;
            }
        }
    }

    /**
     * Keeps classes away whose images have all been labelled, and brings the number of an experience's classes into
     * the plan's range, by classes that have arrived elsewhere or can do so here.
     */
    private void fit(int e) {
        for (int column = 0; column < classes; column++) {
            present[e][column] &= left(column) > 0;
        }
        SplitMix64 random = SplitMix64.of(seed, Purpose.REPETITION, classes, e);
        int excess = count(e) - plan.most();
        for (int column : excess > 0 ? shuffled(random, c -> present[e][c] && arrivesElsewhere(c, e)) : new int[0]) {
            present[e][column] = excess-- <= 0;
        }
        int lack = plan.fewest() - count(e);
        for (int column :
                lack > 0 ? shuffled(random, c -> !present[e][c] && begin(c) <= e && left(c) > 0) : new int[0]) {
            present[e][column] = lack-- > 0;
        }
    }

    private boolean arrivesElsewhere(int column, int experience) {
        return IntStream.range(begin(column), end(column)).anyMatch(e -> e != experience && present[e][column]);
    }

    private int begin(int column) {
        return plan.begin(column / plan.newClasses());
    }

    private int end(int column) {
        return plan.begin(column / plan.newClasses() + 1);
    }

    private int count(int e) {
        return (int) IntStream.range(0, classes).filter(c -> present[e][c]).count();
    }

    private int[] shuffled(SplitMix64 random, IntPredicate wanted) {
        int[] columns = IntStream.range(0, classes).filter(wanted).toArray();
        random.shuffle(columns);
        return columns;
    }

    private int[] imagesOf(int label) {
        Images all = dataset.train();
        return IntStream.range(0, all.size()).filter(i -> all.label(i) == label).toArray();
    }

    private int[] drawLabelled(int e) {
        int[] columns = shuffled(SplitMix64.of(seed, Purpose.LABELLED, classes, e), c -> present[e][c]);
        if (columns.length > plan.labelled()) {
            throw new IllegalArgumentException("experience " + (e + 1) + " has " + columns.length + " classes and "
                    + plan.labelled() + " labelled images: use more of them, or fewer new classes in a window");
        }
        int[] shares = shares(columns, plan.labelled(), e, "labelled");
        IntStream drawn = IntStream.empty();
        for (int i = 0; i < columns.length; i++) {
            int from = taken[columns[i]];
            taken[columns[i]] += shares[i];
            drawn = IntStream.concat(drawn, Arrays.stream(images[columns[i]], from, from + shares[i]));
        }
        return drawn.toArray();
    }

    private int[] drawUnlabelled(int e) {
        SplitMix64 random = SplitMix64.of(seed, Purpose.POOL_CLASSES, e);
        boolean[] inPool = Arrays.copyOf(present[e], labels.length);
        if (plan.pool() != Pool.CURRENT) {
            int[] all = IntStream.range(0, plan.pool() == Pool.DISTRACTORS ? labels.length : classes)
                    .toArray();
            random.shuffle(all);
            Arrays.stream(all)
                    .limit(plan.visitors())
                    .filter(column -> left(column) > 0)
                    .forEach(column -> inPool[column] = true);
        }
        int[] columns = IntStream.range(0, inPool.length)
                .filter(column -> inPool[column])
                .toArray();
        random.shuffle(columns);
        int[] shares = shares(columns, plan.unlabelled(), e, "unlabelled");
        IntStream drawn = IntStream.empty();
        for (int i = 0; i < columns.length; i++) {
            int[] open = Arrays.copyOfRange(images[columns[i]], taken[columns[i]], images[columns[i]].length);
            random.shuffle(open);
            drawn = IntStream.concat(drawn, Arrays.stream(open, 0, shares[i]));
        }
        return drawn.toArray();
    }

    /**
     * Equal shares, one image more for the first classes where they do not come out even; what a class lacks the
     * others give.
     */
    private int[] shares(int[] columns, int total, int experience, String kind) {
        int[] shares = new int[columns.length];
        int missing = total;
        while (missing > 0) {
            int[] open = IntStream.range(0, columns.length)
                    .filter(i -> shares[i] < left(columns[i]))
                    .toArray();
            if (open.length == 0) {
                throw new IllegalArgumentException(
                        "experience " + (experience + 1) + " needs " + total + " " + kind + " images, its "
                                + columns.length + " classes have " + (total - missing)
                                + " that were not labelled before: use fewer images per experience");
            }
            int even = Math.max(1, missing / open.length);
            for (int i : Arrays.copyOf(open, Math.min(open.length, missing))) {
                int share = Math.min(even, left(columns[i]) - shares[i]);
                shares[i] += share;
                missing -= share;
            }
        }
        return shares;
    }

    private int left(int column) {
        return images[column].length - taken[column];
    }
}
