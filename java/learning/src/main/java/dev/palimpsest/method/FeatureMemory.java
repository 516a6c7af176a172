package dev.palimpsest.method;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Features, logits and labels of earlier images, in place of the images: a fixed number of items, shared evenly among
 * the classes. A new item takes the place of a random one of a class that has the most.
 */
final class FeatureMemory {
    /** The challenge's limit on what is kept of an image. */
    static final int MOST_FLOATS = 1024;

    private final int capacity;
    private final SplittableRandom random;
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
        random = new SplittableRandom(seed);
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
}
