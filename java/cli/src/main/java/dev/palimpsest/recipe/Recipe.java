package dev.palimpsest.recipe;

import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.internal.Nearest;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.OptionGroup.Values;
import dev.palimpsest.option.Registration;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.RepetitionStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.train.BudgetOptions;
import dev.palimpsest.train.ExemplarOptions;
import dev.palimpsest.train.Experiment;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * Everything that decides a run, as its method runs it: the same recipe on the same machine gives the same weights bit
 * for bit. A published baseline is what was published, whatever a file sets for another method: options of other
 * methods are dropped, and settings are as {@link Method#settle} gives them. Immutable and checked.
 *
 * @param data what is learnt, in which order
 * @param repetition streams whose classes repeat
 * @param model the network
 * @param settings as the method settled them
 * @param method its name
 * @param methodOptions all of the method's own options, by name
 * @param budget limits that end training early
 * @param compute where and how layers are computed
 * @param seed of initial weights, shuffling, augmentation and exemplars; the class order has its own seed
 * @param threads that compute; results do not depend on how many
 */
public record Recipe(
        DataOptions data,
        RepetitionOptions repetition,
        ModelOptions model,
        Settings settings,
        String method,
        SequencedMap<String, String> methodOptions,
        BudgetOptions budget,
        ComputeOptions compute,
        long seed,
        int threads) {
    static final String METHOD = "method";

    private static final String ALL_CORES = "auto";

    /** The options that are nobody else's. */
    private record Own(long seed, int threads) {
        static final Option<Own, Long> SEED = new Option<>(
                "seed",
                "N",
                "1",
                "Seed of weights, shuffling, augmentation and exemplars.",
                text -> Option.parseLong("seed", text),
                Own::seed);
        static final Option<Own, Integer> THREADS = new Option<>(
                "threads",
                "auto|N",
                ALL_CORES,
                "Threads that compute; auto: one per core.",
                text -> text.equals(ALL_CORES)
                        ? Runtime.getRuntime().availableProcessors()
                        : Option.parseInt("threads", text),
                Own::threads);
        static final OptionGroup<Own> GROUP =
                new OptionGroup<>(List.of(SEED, THREADS), values -> new Own(values.get(SEED), values.get(THREADS)));
    }

    /**
     * Checks what no part can check alone.
     *
     * @throws IllegalArgumentException if the number of threads is out of range, or there is not an exemplar for every
     *     class
     */
    public Recipe {
        methodOptions = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(methodOptions));
        Check.that(
                threads >= 1 && threads <= DeviceOptions.MOST_THREADS,
                "threads",
                threads,
                "1 to " + DeviceOptions.MOST_THREADS);
        settings.exemplars().check(data.split().classes());
    }

    /** The repeatability options, for the help text. */
    static OptionGroup<?> own() {
        return Own.GROUP;
    }

    /**
     * A recipe from what a file records of a run.
     *
     * @param file for the message: a run's folder, or one of its files
     * @param texts by option name
     * @return the recipe as its method runs it
     * @throws IOException with a sentence that names the file, where {@link #of} refuses the texts
     */
    public static Recipe recorded(Path file, Map<String, String> texts) throws IOException {
        try {
            return of(texts);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    file + " records options that this version of Palimpsest does not take: " + e.getMessage(), e);
        }
    }

    /**
     * A recipe from texts by option name, as a recipe file gives them; what is missing has its default. Options of
     * other methods and classifiers than the one chosen are checked and dropped.
     *
     * @param texts by option name
     * @return the recipe as its method runs it
     * @throws IllegalArgumentException with a sentence, for an unknown name, a value that cannot be, or values that do
     *     not go together
     */
    public static Recipe of(Map<String, String> texts) {
        for (String name : texts.keySet()) {
            if (!RecipeOptions.names().contains(name)) {
                throw new IllegalArgumentException(
                        name + " is not an option of a recipe" + Nearest.suggestion(name, RecipeOptions.names()));
            }
        }
        RecipeOptions.requireSound(texts);
        Values values = new Values(texts);
        Registration<Method> registration = Methods.named(values.get(RecipeOptions.METHOD));
        ClassifierType classifier =
                Classifiers.named(values.get(RecipeOptions.CLASSIFIER)).createFrom(texts);
        DataOptions data = DataOptions.GROUP.of(texts);
        RepetitionOptions repetition = RepetitionOptions.GROUP.of(texts);
        ModelOptions model = ModelOptions.GROUP.of(texts);
        Settings asked = new Settings(TrainingOptions.GROUP.of(texts), ExemplarOptions.GROUP.of(texts), classifier);
        Own own = Own.GROUP.of(texts);
        try (Method method = registration.createFrom(texts)) {
            Settings settled = method.settle(asked);
            settled.check();
            if (repetition.on()) {
                Methods.requireRepeats(method);
            } else {
                Methods.check(method, data.split().sizes(), settled);
            }
            return new Recipe(
                    data,
                    repetition,
                    method.usesAuxiliaryHeads() ? model : model.withoutAuxiliaryHeads(),
                    settled,
                    registration.name(),
                    registration.complete(texts),
                    BudgetOptions.GROUP.of(texts),
                    ComputeOptions.GROUP.of(texts),
                    own.seed(),
                    own.threads());
        }
    }

    /**
     * This recipe with one option changed: {@code recipe.with("method", "lwf")}.
     *
     * @param name of the option
     * @param text of the new value
     * @return the changed recipe
     * @throws IllegalArgumentException with a sentence, as {@link #of}
     */
    public Recipe with(String name, String text) {
        Map<String, String> texts = toMap();
        texts.put(name, text);
        return of(texts);
    }

    /**
     * Every option by name, as a recipe file writes it; {@link #of} gives the same recipe back.
     *
     * @return texts in the order of the help text
     */
    public SequencedMap<String, String> toMap() {
        SequencedMap<String, String> texts = new LinkedHashMap<>(DataOptions.GROUP.texts(data));
        texts.putAll(RepetitionOptions.GROUP.texts(repetition));
        texts.putAll(ModelOptions.GROUP.texts(model));
        texts.put(METHOD, method);
        texts.putAll(methodOptions);
        texts.putAll(settings.texts());
        texts.putAll(ComputeOptions.GROUP.texts(compute));
        texts.putAll(BudgetOptions.GROUP.texts(budget));
        texts.putAll(Own.GROUP.texts(new Own(seed, threads)));
        return texts;
    }

    /**
     * A new method, for one run.
     *
     * @return the method with this recipe's options; the caller closes it
     */
    public Method newMethod() {
        return Methods.named(method).create(methodOptions);
    }

    /**
     * What makes this recipe's network.
     *
     * @return from the shape of images to an architecture
     */
    public Architecture.Factory networks() {
        return image -> RecipeNetwork.of(model, image);
    }

    /**
     * The data set that is learnt.
     *
     * @return all of it, read into memory
     * @throws dev.palimpsest.data.DataException if files are missing or damaged
     */
    public Dataset dataset() {
        return Dataset.load(data.name(), data.folder(), data.images());
    }

    /**
     * This recipe's stream of a data set.
     *
     * @param dataset that {@link #dataset} gave
     * @return its images as they come
     * @throws IllegalArgumentException with a sentence, if the recipe does not fit its data
     */
    public Stream stream(Dataset dataset) {
        if (!repetition.on()) {
            return new ClassIncrementalStream(dataset, data.split(), data.order(), data.validation(), seed);
        }
        if (repetition.scenario().isPresent() && data.validation() > 0) {
            throw new IllegalArgumentException("validation = " + data.validation()
                    + ": a scenario file says which images come when, and holds none out; set it to 0");
        }
        if (repetition.scenario().isPresent() && data.images().skipDamaged()) {
            throw new IllegalArgumentException(
                    "skip-damaged = true: a scenario file counts the images of train.txt, and leaving some out "
                            + "would shift the rest; set it to false and replace damaged files");
        }
        return repetition
                .scenario()
                .map(file -> RepetitionStream.of(ScenarioFile.recorded(dataset, file), ScenarioFile.read(file)))
                .orElseGet(() ->
                        RepetitionStream.generate(dataset, repetition.plan(), data.order(), data.validation(), seed));
    }

    /**
     * The experiment that this recipe describes, over its data, with a new method.
     *
     * @return ready to run
     * @throws IllegalArgumentException with a sentence, if the recipe does not fit its data
     * @throws dev.palimpsest.data.DataException if files are missing or damaged
     */
    public Experiment experiment() {
        return experiment(newMethod());
    }

    /** With a method that does what this recipe's does, for tests that look on. */
    Experiment experiment(Method trains) {
        Experiment experiment = Experiment.of(stream(dataset()))
                .note(toMap())
                .network(networks())
                .method(trains)
                .training(settings.training())
                .exemplars(settings.exemplars())
                .classifier(settings.classifier())
                .augmentation(data.augment())
                .evaluate(data.evaluate())
                .budget(budget)
                .device(compute.engine(threads))
                .seed(seed);
        model.weights().ifPresent(experiment::weights);
        return experiment;
    }
}
