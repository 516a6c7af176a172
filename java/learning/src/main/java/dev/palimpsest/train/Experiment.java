package dev.palimpsest.train;

import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Stream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Stream × network × method × engine → result. Every setting has a default but the network and the method:
 *
 * <pre>{@code
 * Result result = Experiment.of(stream)
 *         .network(image -> Networks.cifarResNet(image, 32))
 *         .method(new M2kd(M2kd.Options.DEFAULT.withGroups(M2kd.Groups.CUMULATIVE)))
 *         .engine(Engines.cpu(2))
 *         .seed(1)
 *         .listen(progress)
 *         .run();
 * }</pre>
 *
 * The same experiment on the same machine gives the same weights, bit for bit. One instance runs once. Not
 * thread-safe; experiments on different threads do not disturb one another.
 */
public final class Experiment {
    /** Images that accuracies are of. */
    public enum Evaluate {
        /** The data set's test images. */
        TEST,
        /** Training images that the stream held out; settings are to be chosen on these. */
        VALIDATION
    }

    private final Stream stream;
    private final SequencedMap<String, String> notes = new LinkedHashMap<>();
    private final SequencedMap<String, String> given = new LinkedHashMap<>();
    private Architecture.@Nullable Factory network;
    private @Nullable Method method;
    private Settings settings = Settings.DEFAULT;
    private Augmentation augmentation = Augmentation.NONE;
    /** Null for the statistics of the training images. */
    private @Nullable Normalisation normalisation;

    private Evaluate evaluate = Evaluate.TEST;
    /** Null for random weights. */
    private @Nullable Path weights;
    /** Null once the experiment has run. */
    private @Nullable Function<Consumer<String>, Engine> engine;
    /** Open already; null where the run opens one. */
    private @Nullable Engine open;

    private int threads = Runtime.getRuntime().availableProcessors();
    private BudgetOptions budget = BudgetOptions.NONE;
    private long seed = 1;
    private Progress progress = Progress.silent();

    private Experiment(Stream stream) {
        this.stream = Objects.requireNonNull(stream);
        engine = remark -> Engines.cpu(threads);
    }

    /**
     * An experiment on a stream.
     *
     * @param stream any, over any data set
     * @return with defaults for everything but network and method
     */
    public static Experiment of(Stream stream) {
        return new Experiment(stream);
    }

    /**
     * What is trained.
     *
     * @param networks makes it, and others of its form for methods that need them
     * @return this
     */
    public Experiment network(Architecture.Factory networks) {
        network = Objects.requireNonNull(networks);
        return this;
    }

    /**
     * By what it is trained. The run's record has the name and the options that the method gives itself.
     *
     * @param trains a new one; the run closes it
     * @return this
     */
    public Experiment method(Method trains) {
        method = Objects.requireNonNull(trains);
        return this;
    }

    /**
     * Epochs, batches and the optimiser.
     *
     * @param options that the method must not change
     * @return this
     */
    public Experiment training(TrainingOptions options) {
        settings = settings.withTraining(options);
        given.putAll(TrainingOptions.GROUP.texts(options));
        return this;
    }

    /**
     * Images kept of earlier classes.
     *
     * @param options that the method must not change
     * @return this
     */
    public Experiment exemplars(ExemplarOptions options) {
        settings = settings.withExemplars(options);
        given.putAll(ExemplarOptions.GROUP.texts(options));
        return this;
    }

    /**
     * What classifies after every experience.
     *
     * @param type that the method must not change
     * @return this
     */
    public Experiment classifier(ClassifierType type) {
        settings = settings.withClassifier(type);
        given.put(Settings.CLASSIFIER, type.name());
        return this;
    }

    /**
     * How training images are changed each time they are seen.
     *
     * @param change none by default
     * @return this
     */
    public Experiment augmentation(Augmentation change) {
        augmentation = Objects.requireNonNull(change);
        return this;
    }

    /**
     * What turns pixel bytes into float32, in place of the statistics of the training images.
     *
     * @param statistics of pixels, by channel
     * @return this
     */
    public Experiment normalisation(Normalisation statistics) {
        normalisation = Objects.requireNonNull(statistics);
        return this;
    }

    /**
     * Images that accuracies are of.
     *
     * @param images test images by default
     * @return this
     */
    public Experiment evaluate(Evaluate images) {
        evaluate = Objects.requireNonNull(images);
        return this;
    }

    /**
     * A safetensors file to start from in place of random weights; heads are new all the same.
     *
     * @param file with PyTorch's names
     * @return this
     */
    public Experiment weights(Path file) {
        weights = Objects.requireNonNull(file);
        return this;
    }

    /**
     * What computes. By default the processor, one thread per core.
     *
     * @param computes an open engine; {@link #run} closes it, even where it refuses the settings
     * @return this
     */
    public Experiment engine(Engine computes) {
        Objects.requireNonNull(computes);
        engine = remark -> computes;
        open = computes;
        threads = 0;
        return this;
    }

    /**
     * What computes, opened when the run begins and closed at its end.
     *
     * @param options of the device, with the threads of the processor
     * @return this
     */
    public Experiment device(DeviceOptions options) {
        threads = options.threads();
        open = null;
        engine = remark -> Engines.open(options, remark);
        return this;
    }

    /**
     * Limits that end training early.
     *
     * @param limits none by default
     * @return this
     */
    public Experiment budget(BudgetOptions limits) {
        budget = Objects.requireNonNull(limits);
        return this;
    }

    /**
     * Seed of initial weights, shuffling, augmentation and exemplars; a stream has its own.
     *
     * @param value 1 by default
     * @return this
     */
    public Experiment seed(long value) {
        seed = value;
        return this;
    }

    /**
     * What receives the events of the run.
     *
     * @param listener nobody by default
     * @return this
     */
    public Experiment listen(Progress listener) {
        progress = Objects.requireNonNull(listener);
        return this;
    }

    /**
     * Facts for the record that the experiment cannot know, such as where its data came from. They change nothing, and
     * give way to what the experiment knows better: its method and its settings.
     *
     * @param texts by option name
     * @return this
     */
    public Experiment note(Map<String, String> texts) {
        notes.putAll(texts);
        return this;
    }

    /**
     * The record of this experiment, as run.json and checkpoints have it: notes, settings as the method settles them,
     * and the method's own name and options.
     *
     * @return texts by option name
     * @throws IllegalArgumentException with a sentence, if the settings do not fit the method
     */
    public SequencedMap<String, String> options() {
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        texts.put("data", stream.dataset().name());
        texts.put("augment", augmentation.toString());
        texts.putAll(notes);
        texts.putAll(settled().texts());
        texts.putAll(BudgetOptions.GROUP.texts(budget));
        texts.put("seed", Long.toString(seed));
        if (threads > 0) {
            texts.put("threads", Integer.toString(threads));
        }
        texts.put("method", method().name());
        texts.putAll(method().options());
        return texts;
    }

    /** What it is trained by. */
    Method method() {
        if (method == null) {
            throw new IllegalStateException("an experiment needs a method: call method(...) before run()");
        }
        return method;
    }

    private Settings settled() {
        Settings settled = method().settle(settings);
        settled.check();
        settled.exemplars().check(stream.classes());
        settled.requireKept(given, method().name());
        return settled;
    }

    /**
     * Trains and evaluates, and closes the method and the engine.
     *
     * @return the outcome
     * @throws IllegalArgumentException with a sentence, if settings, method and stream do not fit one another
     * @throws IllegalStateException if the network or the method is missing, or the experiment has run
     * @throws TrainingException if the loss becomes NaN or infinite
     */
    public Result run() {
        Method trains = method();
        networks();
        Function<Consumer<String>, Engine> opening = engine;
        if (opening == null) {
            throw new IllegalStateException("this experiment has run: an experiment runs once, for its method keeps"
                    + " what it learnt; make a new one");
        }
        engine = null;
        try (Engine _ = open) { // whatever happens
            return new ExperimentRun(this, checked(trains), opening).run();
        }
    }

    /** Settings that the method can learn the stream with; closes it otherwise. */
    private Settings checked(Method trains) {
        try {
            Settings settled = settled();
            List<Integer> newClasses = stream.experiences().stream()
                    .map(experience ->
                            experience.classes().end() - experience.classes().begin())
                    .toList();
            Methods.check(trains, newClasses, settled);
            return settled;
        } catch (RuntimeException e) {
            trains.close();
            throw e;
        }
    }

    Stream stream() {
        return stream;
    }

    Architecture.Factory networks() {
        if (network == null) {
            throw new IllegalStateException("an experiment needs a network: call network(...) before run()");
        }
        return network;
    }

    Augmentation augmentation() {
        return augmentation;
    }

    Optional<Path> weights() {
        return Optional.ofNullable(weights);
    }

    BudgetOptions budget() {
        return budget;
    }

    long seed() {
        return seed;
    }

    Progress progress() {
        return progress;
    }

    boolean testImages() {
        return evaluate == Evaluate.TEST;
    }

    /** Mean and deviation of the run's pixels. */
    Normalisation pixels() {
        Dataset dataset = stream.dataset();
        return normalisation == null ? dataset.train().normalisation() : normalisation;
    }
}
