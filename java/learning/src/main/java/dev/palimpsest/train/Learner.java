package dev.palimpsest.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.model.Training;
import dev.palimpsest.model.Weights;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.Schedule;
import dev.palimpsest.recipe.OptimiserOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.BatchPlan;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Loader;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * One network learning one stream: takes batches through the network, asks the method for the loss, and steps. What it
 * does is decided by the recipe and the method alone.
 */
public final class Learner implements AutoCloseable {
    private final Recipe recipe;
    private final Method method;
    private final Engine engine;
    private final Network network;
    private final Stream stream;
    private final Loader loader;
    private final Inference trainingImages;
    private final Exemplars exemplars;
    private final Progress progress;
    private Experience experience;
    private final StepTimes times = new StepTimes();
    private final Function<Arena, Network> networks;
    private final Budget budget;
    /** Null outside of training, unless the recipe keeps the optimiser. */
    private Optimiser optimiser;

    private Function<Parameter, byte[]> masks = parameter -> null;

    private int epoch;
    private int step;

    Learner(
            Recipe recipe,
            Method method,
            Engine engine,
            Network network,
            Stream stream,
            Loader loader,
            Inference trainingImages,
            Exemplars exemplars,
            Progress progress,
            Function<Arena, Network> networks,
            Budget budget) {
        this.recipe = recipe;
        this.method = method;
        this.engine = engine;
        this.network = network;
        this.stream = stream;
        this.loader = loader;
        this.trainingImages = trainingImages;
        this.exemplars = exemplars;
        this.progress = progress;
        this.networks = networks;
        this.budget = budget;
    }

    public Recipe recipe() {
        return recipe;
    }

    public Engine engine() {
        return engine;
    }

    public Network network() {
        return network;
    }

    public Stream stream() {
        return stream;
    }

    /** For what frozen networks say about training images without augmentation. */
    public Inference trainingImages() {
        return trainingImages;
    }

    /** Images that this experience may train on: its own, or all so far, and what memory keeps. */
    public int[] imagesAtHand() {
        return IntStream.concat(IntStream.of(newImages()), IntStream.of(memory()))
                .toArray();
    }

    /** Whether training images are seen as they are, so that what a frozen network says of them never changes. */
    public boolean imagesNeverChange() {
        return recipe.data().augment().equals(Augmentation.NONE);
    }

    /** Makes networks of the trained one's form. */
    public Function<Arena, Network> networks() {
        return networks;
    }

    /** To be told what a method is at. */
    public StepTimes times() {
        return times;
    }

    /**
     * Images of the experience without labels; of a stream that has none, the labelled ones, whose labels are then
     * hidden.
     */
    public UnlabelledBatches unlabelled(Experience of, int batch) {
        int[] images = of.unlabelled().length > 0 ? of.unlabelled() : of.train();
        return new UnlabelledBatches(stream, images, recipe.data().augment(), batch, recipe.seed());
    }

    /**
     * Says which weights may move from now on. To be called whenever the method claimed or released weights: see
     * {@link Optimiser#masks}.
     *
     * @param trainable the mask of a parameter, a byte for each weight, 0 where it must not move; null lets all of it
     *     move
     */
    public void masks(Function<Parameter, byte[]> trainable) {
        masks = trainable;
        if (optimiser != null) {
            optimiser.masks(trainable);
        }
    }

    /** A compiled copy of the network as it is. */
    public FrozenNetwork freeze() {
        return new FrozenNetwork(engine, network, Weights.of(network));
    }

    /** Images kept of earlier classes. */
    int exemplars() {
        return memory().length;
    }

    void learn(Experience next) {
        experience = next;
        step = 0;
        int classes = method.classes(stream, next);
        if (classes > network.classes()) {
            network.grow(classes);
        }
        method.begin(this, next);
        train("train", recipe.optimiser().epochs(next.index()), 1);
        method.end(this, next);
    }

    private int[] newImages() {
        return method.keepsAllImages()
                ? stream.experiences().subList(0, experience.index() + 1).stream()
                        .flatMapToInt(e -> IntStream.of(e.train()))
                        .sorted()
                        .toArray()
                : experience.train();
    }

    private int[] memory() {
        return method.keepsAllImages() ? new int[0] : exemplars.indices();
    }

    /**
     * Trains for some epochs, with a fresh optimiser unless the recipe keeps it, or until the budget is used up.
     *
     * @param phase a word for the progress
     * @param learningRateFactor multiplies the recipe's learning rate
     */
    public void train(String phase, int epochs, double learningRateFactor) {
        OptimiserOptions options = recipe.optimiser();
        List<Parameter> parameters = new ArrayList<>(network.parameters());
        parameters.addAll(method.parameters());
        double rate = options.learningRate()
                * learningRateFactor
                * (experience.index() > 0 ? options.laterLearningRateFactor() : 1);
        int stepsPerEpoch = plan().batches();
        Schedule schedule = schedule(options, epochs);
        progress.phaseBegins(new Progress.Phase(experience.index(), phase, epochs, stepsPerEpoch));
        Queue<Made> untold = new ArrayDeque<>();
        long began = System.nanoTime();
        long images = 0;
        long made = 0;
        startOptimiser(parameters);
        try {
            for (int e = 0; e < epochs && budget.passed().isEmpty(); e++) {
                times.at(StepTimes.Part.DATA);
                for (Batch batch : loader.epoch(plan(), epoch)) {
                    double now = rate * schedule.factor(made++, (long) epochs * stepsPerEpoch);
                    images += batch.rows();
                    untold.add(step(batch, new Made(phase, e, step++, now, images, began), parameters));
                    times.at(StepTimes.Part.REPORTING);
                    tell(untold, engine.stepsAhead());
                    if (budget.check()) {
                        break;
                    }
                    times.at(StepTimes.Part.DATA);
                }
                epoch++;
            }
            times.at(StepTimes.Part.REPORTING);
            tell(untold, 0);
        } finally {
            if (!options.keep()) {
                close();
            }
        }
        times.pause();
        requireFinite(parameters);
    }

    /** A step whose losses may still be on their way from a device. */
    private record Made(
            String phase, int epoch, int step, double learningRate, long images, long began, Terms terms, Scalar loss) {
        Made(String phase, int epoch, int step, double learningRate, long images, long began) {
            this(phase, epoch, step, learningRate, images, began, null, null);
        }

        Made with(Terms terms, Scalar loss) {
            return new Made(phase, epoch, step, learningRate, images, began, terms, loss);
        }

        void requireFinite(int experience) {
            if (!Double.isFinite(loss.value())) {
                throw new TrainingException("the loss is " + loss.value() + " in step " + step + " of experience "
                        + experience + " (" + terms + "): lower learning-rate, or set clip");
            }
        }
    }

    /** Tells of all steps but so many: by then a device has finished those, and is at work on the next. */
    private void tell(Queue<Made> untold, int but) {
        while (untold.size() > but) {
            Made made = untold.remove();
            made.requireFinite(experience.index());
            progress.step(new Progress.Step(
                    experience.index(),
                    made.phase,
                    made.epoch,
                    made.step,
                    made.loss.value(),
                    made.terms.values(),
                    made.learningRate,
                    made.images * 1e9 / (System.nanoTime() - made.began)));
        }
    }

    /** The last step has no loss after it that would tell. */
    private void requireFinite(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            for (float value : parameter.toArray()) {
                if (!Float.isFinite(value)) {
                    throw new TrainingException("a weight of " + parameter.name() + " is " + value
                            + " after experience " + experience.index() + ": lower learning-rate, or set clip");
                }
            }
        }
    }

    private BatchPlan plan() {
        int batch = recipe.optimiser().batch();
        return switch (recipe.exemplars().rehearsal()) {
            case HALF -> BatchPlan.withMemory(newImages(), memory(), batch, recipe.seed(), epoch);
            case MIXED -> BatchPlan.shuffled(imagesAtHand(), batch, recipe.seed(), epoch);
        };
    }

    private Made step(Batch batch, Made begun, List<Parameter> parameters) {
        times.at(StepTimes.Part.STUDENT);
        parameters.forEach(parameter -> parameter.gradientMirror().clear());
        Tape tape = new Tape(engine);
        Tensor images = Inference.tensor(engine, stream.dataset().train(), batch);
        boolean frozenNorm = recipe.method().freezeNorm() && experience.index() > 0;
        Outputs<Variable> outputs = network.forward(new Training(tape, frozenNorm), tape.input(images), true);
        Terms terms = new Terms();
        times.at(StepTimes.Part.LOSSES);
        method.loss(new Pass(engine, tape, batch, images, outputs), terms);
        Scalar loss = terms.sum(tape);
        Made made = begun.with(terms, loss);
        if (engine.stepsAhead() == 0) {
            made.requireFinite(experience.index());
        }
        times.at(StepTimes.Part.STUDENT);
        tape.backward(loss);
        times.at(StepTimes.Part.OPTIMISER);
        if (recipe.optimiser().clip() > 0) {
            optimiser.clip(recipe.optimiser().clip());
        }
        optimiser.step(begun.learningRate);
        method.stepped();
        return made;
    }

    private void startOptimiser(List<Parameter> parameters) {
        if (optimiser == null) {
            optimiser = engine.optimiser(recipe.optimiser().rule());
        }
        optimiser.track(parameters);
        optimiser.masks(masks);
    }

    /** Lets the optimiser go. */
    @Override
    public void close() {
        if (optimiser != null) {
            optimiser.close();
            optimiser = null;
        }
    }

    private static Schedule schedule(OptimiserOptions options, int epochs) {
        return switch (options.schedule()) {
            case COSINE -> new Schedule.Cosine();
            case CONSTANT -> new Schedule.Constant();
            case STEP ->
                new Schedule.Step(
                        options.milestones().stream()
                                .filter(m -> m < epochs)
                                .map(m -> (double) m / epochs)
                                .toList(),
                        options.decay());
        };
    }

    /** Keeps exemplars of the experience's classes. */
    void remember() {
        if (recipe.exemplars().kept()) {
            try (FrozenNetwork now = freeze()) {
                exemplars.add(stream, experience, now, trainingImages);
            }
        }
    }

    /** Tells all classes seen apart with the network as it is now, which stays as it is. */
    Classifier classifier() {
        return switch (recipe.exemplars().classifier()) {
            case HEAD -> Classifier.head(freeze(), method.companions());
            case NEAREST_MEAN -> Classifier.onFeatures(freeze(), now -> new NearestMean(exemplarFeatures(now)));
            case REFIT ->
                Classifier.onFeatures(
                        freeze(), now -> LinearHead.of(network.classifier()).refitted(exemplarFeatures(now), recipe));
            case WEIGHT_ALIGNMENT ->
                Classifier.onFeatures(
                        freeze(), now -> LinearHead.of(network.classifier()).aligned(experience.classes()));
        };
    }

    /** [class][exemplar][dimension] */
    private float[][][] exemplarFeatures(FrozenNetwork now) {
        return exemplars.byClass().stream()
                .map(own -> trainingImages.features(now, own))
                .toArray(float[][][]::new);
    }

    /** Why training ended for good, if it did. */
    Optional<String> stopped() {
        return budget.passed();
    }

    SafetensorsWriter checkpoint(Findings findings) {
        return Checkpoint.write(recipe, network, method, stream, exemplars, epoch, findings);
    }

    /** Values of all weights and buffers, for the run's hash. */
    void eachWeight(Consumer<byte[]> sink) {
        network.parameters().forEach(parameter -> sink.accept(parameter.value().toArray(JAVA_BYTE)));
        network.buffers().forEach(buffer -> sink.accept(buffer.value().toArray(JAVA_BYTE)));
    }
}
