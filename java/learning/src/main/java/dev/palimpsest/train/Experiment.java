package dev.palimpsest.train;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.ScenarioFile;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.StateDict;
import dev.palimpsest.recipe.ComputeOptions;
import dev.palimpsest.recipe.DataOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RepetitionOptions;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Loader;
import dev.palimpsest.stream.Repeating;
import dev.palimpsest.stream.RepetitionStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Runs a recipe from its data to its result. */
public final class Experiment {
    private final Recipe recipe;
    private final Method method;
    private final Progress progress;
    private final Stream stream;

    private Experiment(Recipe recipe, Method method, Progress progress) {
        this.recipe = recipe;
        this.method = method;
        this.progress = progress;
        DataOptions data = recipe.data();
        Dataset dataset = Dataset.load(data.name(), data.folder(), data.images());
        stream = stream(recipe, dataset);
    }

    /**
     * Trains and evaluates.
     *
     * @param method what the recipe names; it is closed at the end
     * @throws IllegalArgumentException if the recipe does not fit its data
     * @throws TrainingException if the loss becomes NaN or infinite
     */
    public static Result run(Recipe recipe, Method method, Progress progress) {
        return new Experiment(recipe, method, progress).run();
    }

    /** The recipe's stream of its data set. */
    static Stream stream(Recipe recipe, Dataset dataset) {
        DataOptions data = recipe.data();
        RepetitionOptions repetition = recipe.repetition();
        if (!repetition.on()) {
            return new ClassIncrementalStream(dataset, data.split(), data.order(), data.validation(), recipe.seed());
        }
        if (data.validation() > 0) {
            throw new IllegalArgumentException("validation = " + data.validation()
                    + ": a stream with repetition holds no images out; set it to 0");
        }
        if (repetition.scenario().isPresent() && data.images().skipDamaged()) {
            throw new IllegalArgumentException(
                    "skip-damaged = true: a scenario file counts the images of train.txt, and leaving some out "
                            + "would shift the rest; set it to false and replace damaged files");
        }
        return new Repeating(repetition
                .scenario()
                .map(file -> RepetitionStream.of(dataset, ScenarioFile.read(file)))
                .orElseGet(() -> RepetitionStream.generate(dataset, repetition.plan(), data.order(), recipe.seed())));
    }

    private Result run() {
        long began = System.nanoTime();
        Dataset dataset = stream.dataset();
        try (Arena arena = Arena.ofShared();
                Engine engine = open();
                Loader loader = new Loader(
                        dataset.train(),
                        stream::relabel,
                        recipe.data().augment(),
                        recipe.optimiser().batch(),
                        recipe.seed());
                Inference trainingImages = new Inference(engine, dataset.train());
                Inference judgedImages = new Inference(engine, judged());
                this.method) { // closed before the engine that its teachers live in
            Network network = network(arena);
            SortedMap<String, String> read = new TreeMap<>(dataset.sha256());
            recipe.model()
                    .weights()
                    .ifPresent(file -> read.put(file.getFileName().toString(), load(network, file)));
            try (Learner learner = new Learner(
                    recipe,
                    method,
                    engine,
                    network,
                    stream,
                    loader,
                    trainingImages,
                    new Exemplars(recipe.exemplars(), recipe.seed()),
                    progress,
                    this::network,
                    new Budget(recipe.budget()))) {
                return learn(learner, read, judgedImages, began);
            }
        }
    }

    private Engine open() {
        ComputeOptions compute = recipe.compute();
        List<String> remarks = new ArrayList<>();
        Engine engine = Engines.open(
                new DeviceOptions(
                        Engines.device(compute.device()),
                        recipe.threads(),
                        compute.tf32(),
                        compute.deterministic(),
                        compute.gpuMemory()),
                remarks::add);
        progress.computes(engine.description(), remarks);
        return engine;
    }

    /** @return the file's SHA-256 */
    private static String load(Network network, Path file) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            StateDict.load(network, Safetensors.of(file.toString(), bytes));
            return sha256(sink -> sink.accept(bytes));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "weights = " + file + ": "
                            + (e instanceof NoSuchFileException ? "there is no such file" : e.getMessage()),
                    e);
        }
    }

    private Result learn(Learner learner, SortedMap<String, String> filesRead, Inference judgedImages, long began) {
        List<Experience> experiences = stream.experiences();
        List<String> names = stream.classNames();
        progress.begins(new Progress.Setup(
                stream.dataset().name(),
                filesRead,
                experiences.size(),
                names,
                learner.network().weights(names.size())));
        Findings findings = new Findings(experiences.stream()
                .mapToInt(experience -> judged(experience).length)
                .toArray());
        for (Experience experience : experiences) {
            progress.experienceBegins(new Progress.Arrival(
                    experience.index(),
                    names.subList(
                            experience.classes().begin(), experience.classes().end()),
                    experience.train().length,
                    learner.exemplars()));
            learner.learn(experience);
            learner.remember();
            method.memory().ifPresent(findings::add);
            evaluate(learner, experience, judgedImages, findings);
            progress.evaluated(findings.evaluation());
            progress.checkpoint(() -> learner.checkpoint(findings));
            if (learner.stopped().isPresent()) {
                break;
            }
        }
        Result result = findings.result(
                sha256(learner::eachWeight),
                (System.nanoTime() - began) * 1e-9,
                learner.times().seconds(),
                stopped(learner, findings.experiences(), experiences.size()));
        progress.done(result);
        return result;
    }

    private Network network(Arena arena) {
        Dataset dataset = stream.dataset();
        return RecipeNetwork.of(recipe.model(), Shape.of(dataset.channels(), dataset.height(), dataset.width()))
                .create(arena, recipe.seed());
    }

    private static Optional<String> stopped(Learner learner, int begun, int all) {
        return learner.stopped().map(reason -> reason + ", so training ended in experience " + begun + " of " + all);
    }

    private void evaluate(Learner learner, Experience experience, Inference judgedImages, Findings findings) {
        try (Classifier classifier = learner.classifier()) {
            findings.add(
                    stream.experiences().subList(0, experience.index() + 1).stream()
                            .map(past -> classifier.right(
                                    judgedImages,
                                    judged(past),
                                    stream::relabel,
                                    stream.seenAfter(experience.index()),
                                    past.classes()))
                            .toArray(Classifier.Right[]::new),
                    classifier.scorer());
        }
    }

    /** The images that accuracies are of. */
    private Images judged() {
        return recipe.data().evaluate() == DataOptions.Evaluate.TEST
                ? stream.dataset().test()
                : stream.dataset().train();
    }

    private int[] judged(Experience experience) {
        return recipe.data().evaluate() == DataOptions.Evaluate.TEST ? experience.test() : experience.validation();
    }

    /** @param content hands its bytes, part by part, to whom it is given */
    private static String sha256(Consumer<Consumer<byte[]>> content) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            content.accept(digest::update);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
