package dev.palimpsest.method;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Features, logits and labels of earlier images, in place of the images: a fixed number of items, shared evenly among
 * the classes. A new item takes the place of a random one of a class that has the most.
 */
final class FeatureMemory {
    /** The challenge's limit on what is kept of an image. */
    static final int MOST_FLOATS = 1024;

    private static final String FEATURES = "features";
    private static final String LOGITS = "logits";
    private static final String LABELS = "labels";
    private static final String RANDOM = "random";

    private final int capacity;
    private final int dims;
    private final StoredRandom random;
    private final List<Item> items = new ArrayList<>();
    private final int[] count;

    /** The arrays are not to be changed. */
    record Item(float[] feature, float[] logits, int label) {}

    /** @throws IllegalArgumentException if an item of so many features and logits, with its label, passes the limit */
    FeatureMemory(int capacity, int dims, int classes, long seed) {
        if (dims + classes + 1 > MOST_FLOATS) {
            throw new IllegalArgumentException("an item of memory may have " + MOST_FLOATS + " floats at most; " + dims
                    + " features, " + classes + " logits and a label are " + (dims + classes + 1)
                    + ": take a network with fewer features, or memory = 0");
        }
        this.capacity = capacity;
        this.dims = dims;
        random = new StoredRandom(seed);
        count = new int[classes];
    }

    int size() {
        return items.size();
    }

    /** Features, logits and labels of all items. */
    long bytes() {
        return items.stream()
                .mapToLong(item -> (long) Float.BYTES * (item.feature.length + item.logits.length) + Integer.BYTES)
                .sum();
    }

    int count(int label) {
        return count[label];
    }

    void add(Item item) {
        if (items.size() < capacity) {
            items.add(item);
        } else {
            int crowded = mostCrowded(item.label);
            int[] own = IntStream.range(0, items.size())
                    .filter(i -> items.get(i).label == crowded)
                    .toArray();
            items.set(own[random.nextInt(own.length)], item);
            count[crowded]--;
        }
        count[item.label]++;
    }

    /** A class with the most items once the new one is counted in; at random among several, but one that has items. */
    private int mostCrowded(int label) {
        List<Integer> crowded = new ArrayList<>();
        int most = 0;
        for (int c = 0; c < count.length; c++) {
            int with = count[c] + (c == label ? 1 : 0);
            if (count[c] > 0 && with >= most) {
                if (with > most) {
                    crowded.clear();
                }
                most = with;
                crowded.add(c);
            }
        }
        return crowded.get(random.nextInt(crowded.size()));
    }

    /** So many different items at random, all of them if there are fewer. */
    List<Item> draw(int wanted) {
        int[] order = IntStream.range(0, items.size()).toArray();
        int drawn = Math.min(wanted, order.length);
        for (int i = 0; i < drawn; i++) {
            int other = i + random.nextInt(order.length - i);
            int index = order[other];
            order[other] = order[i];
            order[i] = index;
        }
        return Arrays.stream(order, 0, drawn).mapToObj(items::get).toList();
    }

    /** So many different items at random, whose features go through the head alone. */
    MlkdLoss.Replay replay(Pass pass, Head head, int wanted) {
        List<Item> drawn = draw(wanted);
        int classes = count.length;
        float[] features = new float[drawn.size() * dims];
        float[] logits = new float[drawn.size() * classes];
        for (int i = 0; i < drawn.size(); i++) {
            System.arraycopy(drawn.get(i).feature, 0, features, i * dims, dims);
            System.arraycopy(drawn.get(i).logits, 0, logits, i * classes, classes);
        }
        Variable kept = pass.tape().input(pass.engine().tensor(Shape.of(drawn.size(), dims), features));
        return new MlkdLoss.Replay(
                pass.tape().linear(kept, head.weight(), head.bias()),
                logits,
                drawn.stream().mapToInt(Item::label).toArray());
    }

    /**
     * Adds what a network gives for training images, in their order.
     *
     * @param seen classes seen so far; the logits of all others are kept as those of classes that nobody has seen
     */
    void fill(Learner learner, FrozenNetwork frozen, int[] images, int seen) {
        int classes = count.length;
        learner.trainingImages().run(frozen, images, false, (first, batch, outputs) -> {
            float[] feature = learner.engine().toArray(outputs.feature());
            float[] logits = learner.engine().toArray(outputs.logits());
            for (int row = 0; row < batch.rows(); row++) {
                float[] kept = Arrays.copyOfRange(logits, row * classes, (row + 1) * classes);
                Arrays.fill(kept, seen, classes, (float) FixedLogits.UNSEEN);
                add(new Item(
                        Arrays.copyOfRange(feature, row * dims, (row + 1) * dims),
                        kept,
                        learner.stream().relabel(batch.labels()[row])));
            }
        });
    }

    /** Adds all items in their order, and where the random numbers are. */
    void save(SafetensorsWriter to, String prefix) {
        int classes = count.length;
        float[] features = new float[items.size() * dims];
        float[] logits = new float[items.size() * classes];
        for (int i = 0; i < items.size(); i++) {
            System.arraycopy(items.get(i).feature, 0, features, i * dims, dims);
            System.arraycopy(items.get(i).logits, 0, logits, i * classes, classes);
        }
        to.add(prefix + FEATURES, Shape.of(items.size(), dims), features);
        to.add(prefix + LOGITS, Shape.of(items.size(), classes), logits);
        to.add(
                prefix + LABELS,
                Shape.of(items.size()),
                items.stream().mapToInt(Item::label).toArray());
        to.add(prefix + RANDOM, Shape.of(1), new long[] {random.state()});
    }

    /**
     * Takes over what {@link #save} added, in place of all items.
     *
     * @throws IllegalArgumentException with a sentence, if a tensor is missing or does not fit
     */
    void restore(Safetensors from, String prefix) {
        int classes = count.length;
        int[] labels = from.ints(prefix + LABELS);
        requireShape(from, prefix + FEATURES, Shape.of(labels.length, dims));
        requireShape(from, prefix + LOGITS, Shape.of(labels.length, classes));
        requireShape(from, prefix + RANDOM, Shape.of(1));
        if (labels.length > capacity || Arrays.stream(labels).anyMatch(label -> label < 0 || label >= classes)) {
            throw new IllegalArgumentException("its tensor " + prefix + LABELS + " has " + labels.length
                    + " labels, expected at most " + capacity + ", each below " + classes);
        }
        float[] features = from.floats(prefix + FEATURES);
        float[] logits = from.floats(prefix + LOGITS);
        items.clear();
        Arrays.fill(count, 0);
        for (int i = 0; i < labels.length; i++) {
            items.add(new Item(
                    Arrays.copyOfRange(features, i * dims, (i + 1) * dims),
                    Arrays.copyOfRange(logits, i * classes, (i + 1) * classes),
                    labels[i]));
            count[labels[i]]++;
        }
        random.continueAt(from.longs(prefix + RANDOM)[0]);
    }

    private static void requireShape(Safetensors from, String name, Shape expected) {
        if (!from.shape(name).equals(expected)) {
            throw new IllegalArgumentException(
                    "its tensor " + name + " is " + from.shape(name) + ", expected " + expected);
        }
    }
}
