package dev.palimpsest.stream.loading;

import dev.palimpsest.internal.Purpose;
import dev.palimpsest.internal.SplitMix64;
import java.util.Arrays;

/**
 * Which images stand in which batch of one pass, and whether the pass is for training (augmented; no batch of one
 * image, because batch norm has no variance to divide by) or for evaluation (images as they are). Immutable; a
 * function of its arguments alone.
 */
public final class BatchPlan {
    private final boolean training;
    private final int[][] batches;
    /** How often each row's image came before in this pass; never for images that come once. */
    private final int[][] repeats;

    private BatchPlan(boolean training, int[][] batches, int[][] repeats) {
        this.training = training;
        this.batches = batches;
        this.repeats = repeats;
    }

    /**
     * A pass for training over every index once, in an order drawn by seed and epoch; the last batch may be smaller
     * than the others. If it would be a single image, it takes one from the batch before it.
     *
     * @param indices of images, in any order
     * @param batch images per batch
     * @param seed of the run
     * @param epoch from 0
     * @return as many images as there are indices
     * @throws IllegalArgumentException if there are no indices, or a batch of one image cannot be avoided: with one
     *     index, a batch of one, or an odd number of indices in batches of two
     */
    public static BatchPlan shuffled(int[] indices, int batch, long seed, int epoch) {
        int[] sizes = sizes(indices.length, batch);
        int last = sizes.length - 1;
        if (last > 0 && sizes[last] == 1) {
            sizes[last - 1]--;
            sizes[last]++;
        }
        int[] order = indices.clone();
        SplitMix64.of(seed, Purpose.EPOCH, epoch).shuffle(order);
        return training(cut(order, sizes));
    }

    /**
     * A pass for training like {@link #shuffled}, with half of each batch (rounded down) from memory: first the new
     * rows, then as many rows of memory. Every new index comes once. Memory is gone through in an order drawn by the
     * seed, again and again in new orders, and each epoch goes on where the one before stopped; a batch that needs
     * more rows than memory has holds some of them twice. The last batch has as many rows of memory as new ones, or
     * half a batch if that is less. An empty memory gives {@link #shuffled}.
     *
     * @param newIndices of images, in any order
     * @param memory of the same images, none of them in {@code newIndices}; may be empty
     * @param batch images per batch, half of them (rounded up) new
     * @param seed of the run
     * @param epoch from 0
     * @return every new image once, and about as many of memory
     * @throws IllegalArgumentException as {@link #shuffled}
     */
    public static BatchPlan withMemory(int[] newIndices, int[] memory, int batch, long seed, int epoch) {
        if (memory.length == 0) {
            return shuffled(newIndices, batch, seed, epoch);
        }
        if (batch < 2) {
            throw tooSmall(newIndices.length, batch);
        }
        int half = batch / 2;
        int[] order = newIndices.clone();
        SplitMix64.of(seed, Purpose.EPOCH, epoch).shuffle(order);
        int[][] fresh = cut(order, sizes(order.length, batch - half));
        long drawnPerEpoch = (fresh.length - 1L) * half + Math.min(half, fresh[fresh.length - 1].length);
        var cycle = new Cycle(memory, seed, epoch * drawnPerEpoch);
        int[][] repeats = new int[fresh.length][];
        for (int b = 0; b < fresh.length; b++) {
            int rows = fresh[b].length;
            fresh[b] = Arrays.copyOf(fresh[b], rows + Math.min(half, rows));
            repeats[b] = new int[fresh[b].length];
            for (int i = rows; i < fresh[b].length; i++) {
                repeats[b][i] = cycle.repeat();
                fresh[b][i] = cycle.next();
            }
        }
        return new BatchPlan(true, fresh, repeats);
    }

    /**
     * A pass for training in batches of the caller's choice.
     *
     * @param batches indices of images for every batch; copied
     * @return a pass of these batches in this order
     * @throws IllegalArgumentException if there is none, or one has fewer than two images
     */
    static BatchPlan training(int[][] batches) {
        if (batches.length == 0) {
            throw noImages();
        }
        for (int b = 0; b < batches.length; b++) {
            if (batches[b].length < 2) {
                throw new IllegalArgumentException("batch " + b + " of " + batches.length + " has " + batches[b].length
                        + " image(s): training with batch norm needs at least 2");
            }
        }
        return new BatchPlan(true, deepCopy(batches), new int[batches.length][]);
    }

    /**
     * A pass for evaluation: the indices as they come; the last batch may be smaller, even a single image.
     *
     * @param indices of images, in the order wanted
     * @param batch images per batch, at least 1
     * @return as many images as there are indices
     * @throws IllegalArgumentException if there are no indices, or the batch is not positive
     */
    public static BatchPlan sequential(int[] indices, int batch) {
        int[][] batches = cut(indices, sizes(indices.length, batch));
        return new BatchPlan(false, batches, new int[batches.length][]);
    }

    /**
     * The number of batches.
     *
     * @return how many batches the pass has, at least 1
     */
    public int batches() {
        return batches.length;
    }

    /**
     * The size of one batch.
     *
     * @param batch number of the batch, from 0
     * @return how many images it has
     * @throws IndexOutOfBoundsException if there is no such batch
     */
    int rows(int batch) {
        return batches[batch].length;
    }

    /**
     * The purpose of the pass.
     *
     * @return whether it is for training, so that images are augmented
     */
    boolean isTraining() {
        return training;
    }

    /**
     * The images of one batch.
     *
     * @param batch number of the batch, from 0
     * @return indices in the order of the batch's rows; a copy
     * @throws IndexOutOfBoundsException if there is no such batch
     */
    int[] indices(int batch) {
        return batches[batch].clone();
    }

    int repeat(int batch, int row) {
        return repeats[batch] == null ? 0 : repeats[batch][row];
    }

    private static int[] sizes(int count, int batch) {
        if (count == 0) {
            throw noImages();
        }
        if (batch < 1) {
            throw tooSmall(count, batch);
        }
        int[] sizes = new int[(count + batch - 1) / batch];
        Arrays.fill(sizes, batch);
        sizes[sizes.length - 1] = count - (sizes.length - 1) * batch;
        return sizes;
    }

    private static int[][] cut(int[] indices, int[] sizes) {
        int[][] batches = new int[sizes.length][];
        for (int b = 0, from = 0; b < sizes.length; from += sizes[b++]) {
            batches[b] = Arrays.copyOfRange(indices, from, from + sizes[b]);
        }
        return batches;
    }

    private static int[][] deepCopy(int[][] batches) {
        return Arrays.stream(batches).map(int[]::clone).toArray(int[][]::new);
    }

    private static IllegalArgumentException noImages() {
        return new IllegalArgumentException("there are no images to make batches of: expected at least one index");
    }

    private static IllegalArgumentException tooSmall(int count, int batch) {
        return new IllegalArgumentException(
                count + " images cannot be put into batches of " + batch + ": use a larger batch");
    }

    /** Goes through images in seeded orders, one after the other, from any position of that endless sequence. */
    private static final class Cycle {
        private final int[] images;
        private final long seed;
        private final long start;
        private long position;
        private int[] order;

        Cycle(int[] images, long seed, long start) {
            this.images = images;
            this.seed = seed;
            this.start = start;
            this.position = start;
            this.order = order(start / images.length);
        }

        /** Rounds through the images since the start: no image's number comes twice. */
        int repeat() {
            return (int) (position / images.length - start / images.length);
        }

        int next() {
            int index = order[(int) (position % images.length)];
            if (++position % images.length == 0) {
                order = order(position / images.length);
            }
            return index;
        }

        private int[] order(long round) {
            int[] shuffled = images.clone();
            SplitMix64.of(seed, Purpose.MEMORY, round).shuffle(shuffled);
            return shuffled;
        }
    }
}
