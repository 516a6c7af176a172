package dev.palimpsest.stream.loading;

import dev.palimpsest.data.Images;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Prepares batches ahead on a thread of its own, in off-heap memory that is allocated once. What a batch holds does
 * not depend on timing.
 *
 * <p>For one caller's thread. Only one pass is under way at a time: beginning another, or closing, ends it, and its
 * iterator may not be used any more. {@link #close} waits for the thread to end and frees the memory; the batches must
 * not be used after it.
 *
 * <pre>{@code
 * try (Loader loader = new Loader(dataset.train(), stream::relabel, Augmentation.shift(1), 128, seed)) {
 *     for (Batch batch : loader.epoch(BatchPlan.shuffled(experience.train(), 128, seed, epoch), epoch)) { … }
 * }
 * }</pre>
 */
public final class Loader implements AutoCloseable {
    /** One batch at the caller, one ready, one being prepared. */
    private static final int SLOTS = 3;

    private static final long ALIGNMENT = 64;
    private static final List<Augmenter> AS_THEY_ARE = List.of(new Augmenter(Augmentation.NONE));

    private final Images images;
    private final IntUnaryOperator relabel;
    private final List<Augmenter> views;
    private final int maxBatch;
    private final long seed;
    private final Arena arena = Arena.ofShared();
    private final Canvas canvas;
    private final MemorySegment[] slots = new MemorySegment[SLOTS];
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("palimpsest-loader").daemon().factory());
    private @Nullable Pass current;

    /**
     * A loader of one view of each image. It takes its memory at once; {@link #close} gives it back.
     *
     * @param images what the indices of batch plans stand for
     * @param relabel from the data set's labels to those of the batches; called on the loader's thread
     * @param augmentation of the images in training passes; passes for evaluation read images as they are
     * @param maxBatch most images per batch; memory is taken for three such batches
     * @param seed of the augmentation
     * @throws IllegalArgumentException if maxBatch is not positive, or the augmentation is too strong for the images'
     *     size
     */
    public Loader(Images images, IntUnaryOperator relabel, Augmentation augmentation, int maxBatch, long seed) {
        this(images, relabel, List.of(augmentation), maxBatch, seed);
    }

    /**
     * A loader of several views of each image. It takes its memory at once; {@link #close} gives it back.
     *
     * @param images what the indices of batch plans stand for
     * @param relabel from the data set's labels to those of the batches; called on the loader's thread
     * @param views of each image in training passes, such as a weak and a strong augmentation; they move and mirror it
     *     alike where they may move it equally far. Passes for evaluation read images as they are, once
     * @param maxBatch most images per batch and view; memory is taken for three such batches
     * @param seed of the augmentations
     * @throws IllegalArgumentException if there is no view, maxBatch is not positive, or an augmentation is too strong
     *     for the images' size
     */
    public Loader(Images images, IntUnaryOperator relabel, List<Augmentation> views, int maxBatch, long seed) {
        if (views.isEmpty()) {
            throw new IllegalArgumentException(
                    "a loader needs at least one view of each image, such as " + Augmentation.NONE);
        }
        if (maxBatch < 1) {
            throw new IllegalArgumentException(
                    "a loader's largest batch must have at least one image, got " + maxBatch);
        }
        this.views = views.stream().map(Augmenter::new).toList();
        this.views.forEach(view -> view.checkFits(images));
        this.images = images;
        this.relabel = relabel;
        this.maxBatch = maxBatch;
        this.seed = seed;
        canvas = Canvas.of(images);
        for (int i = 0; i < SLOTS; i++) {
            slots[i] =
                    arena.allocate((long) views.size() * maxBatch * images.valuesPerImage() * Float.BYTES, ALIGNMENT);
        }
    }

    /**
     * The batches of one pass, in order, to be gone through once. Each is valid until the next one is asked for.
     *
     * <p>The iterator throws {@link IllegalStateException} with the cause if a batch could not be prepared, if the
     * waiting thread was interrupted, or if the pass was ended by another.
     *
     * @param plan which images stand in which batch
     * @param epoch from 0, for the augmentation; an evaluation plan does not use it
     * @return batches that can be gone through once
     * @throws IllegalArgumentException if a batch of the plan is larger than this loader's, or names an image that
     *     does not exist
     * @throws IllegalStateException if the loader is closed
     */
    public Iterable<Batch> epoch(BatchPlan plan, int epoch) {
        return epoch(plan, epoch, 0);
    }

    /**
     * The same without the first batches of the pass.
     *
     * @param plan which images stand in which batch
     * @param epoch from 0, for the augmentation; an evaluation plan does not use it
     * @param first number of the first batch that is wanted; that of the plan's batches for none
     * @return batches that can be gone through once
     * @throws IllegalArgumentException as {@link #epoch(BatchPlan, int)}, or if the plan has fewer batches
     * @throws IllegalStateException if the loader is closed
     */
    public Iterable<Batch> epoch(BatchPlan plan, int epoch, int first) {
        if (first < 0 || first > plan.batches()) {
            throw new IllegalArgumentException("batch " + first + " of a plan of " + plan.batches());
        }
        if (worker.isShutdown()) {
            throw new IllegalStateException("the loader is closed: open another one");
        }
        check(plan);
        endPass();
        Pass pass = new Pass(plan, epoch, first);
        current = pass;
        pass.begin();
        return () -> pass;
    }

    /** Stops the thread, waits for it to end and frees the memory; may be called again. */
    @Override
    public void close() {
        if (!worker.isShutdown()) {
            worker.shutdownNow();
            worker.close();
            arena.close();
        }
    }

    private void check(BatchPlan plan) {
        for (int b = 0; b < plan.batches(); b++) {
            if (plan.rows(b) > maxBatch) {
                throw new IllegalArgumentException("batch " + b + " of the plan has " + plan.rows(b)
                        + " images, the loader was made for " + maxBatch + ": make it for more");
            }
            for (int index : plan.indices(b)) {
                if (index < 0 || index >= images.size()) {
                    throw new IllegalArgumentException("batch " + b + " of the plan asks for image " + index
                            + ", there are " + images.size() + " (0.." + (images.size() - 1) + ")");
                }
            }
        }
    }

    private void endPass() {
        if (current != null) {
            current.end();
            current = null;
        }
    }

    private Batch prepare(BatchPlan plan, int epoch, int number) {
        MemorySegment slot = slots[number % SLOTS];
        int[] indices = plan.indices(number);
        int[] labels = new int[indices.length];
        int values = images.valuesPerImage();
        List<Augmenter> shown = plan.isTraining() ? views : AS_THEY_ARE;
        for (int row = 0; row < indices.length; row++) {
            int index = indices[row];
            labels[row] = relabel.applyAsInt(images.label(index));
            for (int v = 0; v < shown.size(); v++) {
                long offset = ((long) v * indices.length + row) * values;
                shown.get(v).read(images, canvas, seed, epoch, index, plan.repeat(number, row), slot, offset);
            }
        }
        long bytes = (long) shown.size() * indices.length * values * Float.BYTES;
        return new Batch(indices.length, shown.size(), slot.asSlice(0, bytes), labels, indices);
    }

    private final class Pass implements Iterator<Batch> {
        private final BatchPlan plan;
        private final int epoch;
        private final Queue<Future<Batch>> ahead = new ArrayDeque<>(SLOTS);
        private int submitted;
        private int taken;

        Pass(BatchPlan plan, int epoch, int first) {
            this.plan = plan;
            this.epoch = epoch;
            submitted = first;
            taken = first;
        }

        void begin() {
            for (int i = 0; i < SLOTS - 1; i++) {
                submit();
            }
        }

        @Override
        public boolean hasNext() {
            return taken < plan.batches();
        }

        @Override
        public Batch next() {
            if (!hasNext()) {
                throw new NoSuchElementException("the pass has " + plan.batches() + " batches");
            }
            if (current != this || worker.isShutdown()) {
                throw new IllegalStateException(
                        "this pass is over: it failed, another one was begun, or the loader was closed");
            }
            // The caller is done with the batch before this one, so its slot is free.
            submit();
            Batch batch = await(ahead.remove());
            taken++;
            return batch;
        }

        private void submit() {
            if (submitted < plan.batches()) {
                int number = submitted++;
                ahead.add(worker.submit(() -> prepare(plan, epoch, number)));
            }
        }

        private Batch await(Future<Batch> future) {
            try {
                return future.get();
            } catch (ExecutionException e) {
                endPass();
                Throwable cause = e.getCause() == null ? e : e.getCause();
                throw new IllegalStateException(
                        "batch " + taken + " of epoch " + epoch + " could not be prepared: " + cause.getMessage(),
                        cause);
            } catch (InterruptedException e) {
                endPass();
                Thread.currentThread().interrupt();
                throw new IllegalStateException(
                        "interrupted while waiting for batch " + taken + " of epoch " + epoch, e);
            }
        }

        /**
         * A batch being prepared is still finished, but before the next pass's first one: there is a single thread.
         */
        void end() {
            for (Future<Batch> future : ahead) {
                future.cancel(false);
            }
            ahead.clear();
        }
    }
}
