package dev.palimpsest.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.Position;
import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.stream.loading.BatchPlan;
import dev.palimpsest.stream.loading.Loader;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Method.Phase;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One network learning one stream, experience by experience, as a method sees it. What it does is decided by settings
 * and method alone. For one thread.
 */
public final class Learner implements AutoCloseable {
    /** What the names of the method's own tensors in checkpoints begin with. */
    static final String METHOD = "method.";

    private final Run run;
    private final Exemplars exemplars;
    private final PhaseLoop loop;

    /** Null unless the classifier reads snapshots and the method keeps none. */
    private @Nullable Snapshots copies;

    /** Of the experience before; null before the first is over. */
    private @Nullable Classifier classifier;

    @SuppressWarnings("NullAway.Init") // set by learn, which comes before anything reads it
    private Experience experience;

    Learner(Run run) {
        this.run = run;
        exemplars = new Exemplars(run.settings().exemplars(), run.seed());
        loop = new PhaseLoop(run);
    }

    /**
     * What the run trains with.
     *
     * @return as the method settled it
     */
    public Settings settings() {
        return run.settings();
    }

    /**
     * Seed of whatever is drawn.
     *
     * @return the run's seed
     */
    public long seed() {
        return run.seed();
    }

    /**
     * What computes.
     *
     * @return the run's engine
     */
    public Engine engine() {
        return run.engine();
    }

    /**
     * The network that is trained.
     *
     * @return always the same one
     */
    public Network network() {
        return run.network();
    }

    /**
     * Makes networks of the trained one's form.
     *
     * @return from the arena that the weights live in to a new network without heads
     */
    public Function<Arena, Network> networks() {
        return run.networks();
    }

    /**
     * The stream that is learnt.
     *
     * @return all of it, which a method looks into for numbering only
     */
    public Stream stream() {
        return run.stream();
    }

    /**
     * For outputs of frozen networks on training images without augmentation.
     *
     * @return over all training images of the data set
     */
    public Inference trainingImages() {
        return run.trainingImages();
    }

    /**
     * Images that this experience may train on: its own, or all so far, and what memory keeps.
     *
     * @return indices into the training images
     */
    public int[] imagesAtHand() {
        return IntStream.concat(IntStream.of(newImages()), IntStream.of(memory()))
                .toArray();
    }

    /**
     * Whether training images are seen as they are.
     *
     * @return whether a frozen network's outputs for an image never change
     */
    public boolean imagesNeverChange() {
        return run.augmentation().equals(Augmentation.NONE);
    }

    /**
     * Images of an experience without labels; of a stream that has none, the labelled ones, whose labels are then
     * hidden.
     *
     * @param of the experience
     * @param batch images per batch
     * @return batches without end; the caller closes them
     */
    public UnlabelledBatches unlabelled(Experience of, int batch) {
        int[] images = of.unlabelled().length > 0 ? of.unlabelled() : of.train();
        return new UnlabelledBatches(run.images(), images, run.augmentation(), batch, run.seed());
    }

    /**
     * A compiled copy of the network as it is.
     *
     * @return a network that the caller closes
     */
    public FrozenNetwork freeze() {
        return new FrozenNetwork(run.engine(), run.network(), Weights.of(run.network()));
    }

    /**
     * Sets which weights may move from now on. To be called whenever the method claimed or released weights: see
     * {@link dev.palimpsest.optim.Optimiser#masks}.
     *
     * @param trainable the mask of a parameter, a byte for each weight, 0 where it must not move; null lets all of it
     *     move
     */
    public void masks(Function<Parameter, byte[]> trainable) {
        loop.masks(trainable);
    }

    /**
     * Gathers the running statistics of batch norm anew, from what the network as it is makes of up to sixteen batches
     * of this experience: where weights were set to zero and a few steps followed, running means still tell of the
     * network before. Weights stay; norms that are frozen stay too.
     */
    public void renewNorms() {
        loop.renewNorms(newImages(), memory());
    }

    /** Images kept of earlier classes. */
    int exemplars() {
        return memory().length;
    }

    List<int[]> exemplarsByClass() {
        return exemplars.byClass();
    }

    /** Adds what is not the network's to a checkpoint after an experience. */
    void save(SafetensorsWriter to) {
        run.method().save(to, METHOD);
        loop.save(to);
    }

    /**
     * Trains an experience, or as much of it as the budget allows.
     *
     * @param from where to go on in its midst; null to begin it
     */
    void learn(Experience next, @Nullable Position from) {
        experience = next;
        loop.begin(next);
        int classes = run.method().classes(run.stream(), next);
        if (classes > run.network().classes()) {
            run.network().grow(classes);
        }
        run.method().begin(this, next);
        List<Phase> phases = run.method().phases(this, next);
        int first = 0;
        if (from != null) {
            Restoring.from(from.file(), () -> {
                from.load(run.network());
                run.method().restore(from.file(), METHOD);
                loop.goOn(from);
                Objects.checkIndex(from.place().phase(), phases.size());
            });
            first = from.place().phase();
        }
        for (int p = first; p < phases.size(); p++) {
            if (from == null || p > first) {
                phases.get(p).before().run();
            }
            loop.train(phases.get(p), p, newImages(), memory());
        }
        run.method().end(this, next);
    }

    /**
     * Goes on after an experience whose checkpoint this is.
     *
     * @throws IOException with a sentence, if the checkpoint is damaged
     */
    void resume(Checkpoint checkpoint, Experience last) throws IOException {
        experience = last;
        // Grown as it had been: new rows are drawn one after another.
        for (Experience past : run.stream().experiences().subList(0, last.index() + 1)) {
            int classes = run.method().classes(run.stream(), past);
            if (classes > run.network().classes()) {
                run.network().grow(classes);
            }
        }
        checkpoint.load(run.network());
        exemplars.restore(checkpoint.exemplars(), trainingImages().images().size());
        classifier = checkpoint.classifier(last.index());
        Optional<Snapshots> kept = checkpoint.snapshots(run.network());
        run.method().resume(this, last, kept);
        run.method().restore(checkpoint.file(), METHOD);
        loop.resume(checkpoint.epochs(), checkpoint.file());
        if (run.method().snapshots().isEmpty() && kept.isPresent()) {
            copies = kept.get(); // those kept for the classifier
        }
    }

    private int[] newImages() {
        return run.method().keepsAllImages()
                ? run.stream().experiences().subList(0, experience.index() + 1).stream()
                        .flatMapToInt(e -> IntStream.of(e.train()))
                        .sorted()
                        .toArray()
                : experience.train();
    }

    private int[] memory() {
        return run.method().keepsAllImages() ? new int[0] : exemplars.indices();
    }

    /** Keeps exemplars of the experience's classes. */
    void remember() {
        if (run.settings().exemplars().kept()) {
            try (FrozenNetwork now = freeze()) {
                exemplars.add(run.stream(), experience, now, run.trainingImages());
            }
        }
    }

    /** Keeps the model as the experience left it, if the classifier reads it and the method does not keep it. */
    void keepForClassifier() {
        int wanted = run.settings().classifier().snapshots();
        if (wanted > 0 && run.method().snapshots().isEmpty()) {
            if (copies == null) {
                copies = Snapshots.copies();
            }
            if (copies.count() < wanted) {
                copies.add(run.network().parameters(), run.network().buffers());
            }
        }
    }

    /** Earlier models, the method's or those kept for the classifier. */
    Optional<Snapshots> snapshots() {
        return run.method().snapshots().or(() -> Optional.ofNullable(copies));
    }

    /** The models as they are now. */
    Models models() {
        return new Models(
                this::freeze,
                number -> new FrozenNetwork(
                        run.engine(),
                        run.network(),
                        snapshots()
                                .orElseThrow(() -> new IllegalArgumentException("there is no snapshot " + number
                                        + ": method = " + run.method().name() + " keeps none"))
                                .weights(number)),
                run.method()::companions);
    }

    /** Fits the classifier of all classes seen to the network as it is now, which stays as it is. */
    Classifier classifier(Models models) {
        Classifier fitted = run.settings()
                .classifier()
                .fit(new ExperienceFitting(run, experience, models, exemplars, snapshots(), classifier));
        classifier = fitted;
        return fitted;
    }

    /** What there is now, with a classifier that was fitted. */
    Result.Kept kept(Classifier fitted) {
        long image = (long) run.images().channels()
                * run.images().height()
                * run.images().width();
        long images = run.method().keepsAllImages() ? newImages().length : memory().length;
        return new Result.Kept(
                java.util.stream.Stream.concat(network().parameters().stream(), run.method().parameters().stream())
                                .mapToLong(parameter -> parameter.shape().bytes())
                                .sum()
                        + network().buffers().stream()
                                .mapToLong(buffer -> buffer.shape().bytes())
                                .sum(),
                snapshots().map(Snapshots::bytes).orElse(0L),
                images * image,
                fitted.bytes(),
                run.method().memoryBytes());
    }

    /** Epochs trained so far, over all experiences. */
    int epochs() {
        return loop.epochs();
    }

    StepTimes times() {
        return loop.times();
    }

    /** Values of all weights and buffers, for the run's hash. */
    void eachWeight(Consumer<byte[]> sink) {
        run.network()
                .parameters()
                .forEach(parameter -> sink.accept(parameter.read().toArray(JAVA_BYTE)));
        run.network().buffers().forEach(buffer -> sink.accept(buffer.read().toArray(JAVA_BYTE)));
    }

    /** Lets the optimiser go, and the models kept for the classifier. */
    @Override
    public void close() {
        loop.close();
        if (copies != null) {
            copies.close();
        }
    }

    /** Batches of images without their labels: gone through in random order, again and again in new ones. */
    public static final class UnlabelledBatches implements AutoCloseable {
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
        private int drawn;

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
                begin(0);
            }
            drawn++;
            return batches.next();
        }

        private void begin(int first) {
            batches = loader.epoch(BatchPlan.shuffled(images, batch, seed, round), round, first)
                    .iterator();
            round++;
        }

        /**
         * How far the batches have been gone through.
         *
         * @return how often {@link #next} was called
         */
        public int drawn() {
            return drawn;
        }

        /**
         * Goes on where others of the same images were.
         *
         * @param others batches that those had {@link #drawn}
         */
        public void goOnAfter(int others) {
            int perRound = BatchPlan.shuffled(images, batch, seed, 0).batches();
            drawn = others;
            round = others / perRound;
            begin(others % perRound);
        }

        @Override
        public void close() {
            loader.close();
        }
    }
}
