package dev.palimpsest.train;

import dev.palimpsest.data.Images;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.loading.BatchPlan;
import dev.palimpsest.stream.loading.Loader;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/** Batches of images without their labels: gone through in random order, again and again in new ones. */
public final class UnlabelledBatches implements AutoCloseable {
    /** The view of a batch that shows its images as they are. */
    public static final int WEAK = 0;
    /** The view that shows them as training augments them. */
    public static final int STRONG = 1;

    private final Loader loader;
    private final int[] images;
    private final int batch;
    private final long seed;
    private Iterator<Batch> batches = Collections.emptyIterator();
    private int round;

    UnlabelledBatches(Images all, int[] images, Augmentation strong, int batch, long seed) {
        this.images = images;
        this.batch = batch;
        this.seed = seed;
        // Labels are hidden here, so that nothing that trains can look at them.
        loader = new Loader(all, label -> -1, List.of(Augmentation.NONE, strong), batch, seed);
    }

    /**
     * The next batch, in both views.
     *
     * @return valid until the one after it is asked for
     */
    public Batch next() {
        if (!batches.hasNext()) {
            batches = loader.epoch(BatchPlan.shuffled(images, batch, seed, round), round)
                    .iterator();
            round++;
        }
        return batches.next();
    }

    @Override
    public void close() {
        loader.close();
    }
}
