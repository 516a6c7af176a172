package dev.palimpsest.train;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.recipe.DataOptions;
import dev.palimpsest.recipe.ModelOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Loader;
import dev.palimpsest.stream.Repeating;
import dev.palimpsest.stream.RepetitionStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.ClassRange;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

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
        stream = recipe.repetition().on()
                ? new Repeating(RepetitionStream.generate(dataset, recipe.repetition().plan(), data.order(), recipe.seed()))
                : new ClassIncrementalStream(dataset, data.split(), data.order(), data.validation(), recipe.seed());
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

    private Result run() {
        long began = System.nanoTime();
        Dataset dataset = stream.dataset();
        try (Arena arena = Arena.ofShared();
                Engine engine = Engine.cpu(recipe.threads());
                Loader loader = new Loader(dataset.train(), stream::relabel, recipe.data().augment(), recipe.optimiser().batch(),
                        recipe.seed());
                Inference trainingImages = new Inference(engine, dataset.train());
                Inference judgedImages = new Inference(engine, judged());
                this.method) { // closed before the engine that its teachers live in
            Network network = network(arena);
            Learner learner = new Learner(recipe, method, engine, network, stream, loader, trainingImages, new Exemplars(recipe.exemplars(),
                    recipe.seed()), progress, this::network, new Budget(recipe.budget()));
            return learn(learner, judgedImages, began);
        }
    }

    private Result learn(Learner learner, Inference judgedImages, long began) {
        List<Experience> experiences = stream.experiences();
        List<String> names = stream.classNames();
        progress.begins(new Progress.Setup(stream.dataset().name(), stream.dataset().sha256(), experiences.size(), names,
                learner.network().weights(names.size())));
        int[] images = experiences.stream().mapToInt(experience -> judged(experience).length).toArray();
        AccuracyMatrix single = AccuracyMatrix.of(images);
        AccuracyMatrix within = AccuracyMatrix.of(images);
        List<Result.Memory> memory = new ArrayList<>();
        for (Experience experience : experiences) {
            progress.experienceBegins(new Progress.Arrival(experience.index(),
                    names.subList(experience.classes().begin(), experience.classes().end()), experience.train().length,
                    learner.exemplars()));
            learner.learn(experience);
            learner.remember();
            method.memory().ifPresent(memory::add);
            int[] right = new int[experience.index() + 1];
            int[] rightWithin = new int[experience.index() + 1];
            try (Classifier classifier = learner.classifier()) {
                for (int j = 0; j <= experience.index(); j++) {
                    Experience past = experiences.get(j);
                    if (judged(past).length == 0) {
                        continue;
                    }
                    double[][] scores = classifier.scores(judgedImages, judged(past));
                    right[j] = right(scores, past, stream.seenAfter(experience.index()));
                    rightWithin[j] = right(scores, past, past.classes());
                }
            }
            single = single.plus(right);
            within = within.plus(rightWithin);
            progress.evaluated(evaluation(experience.index(), single, within));
            if (learner.stopped().isPresent()) {
                break;
            }
        }
        Result result = new Result(single, within, memory, sha256(learner), (System.nanoTime() - began) * 1e-9, learner.times().seconds(),
                stopped(learner, single.experiences(), experiences.size()));
        progress.done(result);
        return result;
    }

    private static Optional<String> stopped(Learner learner, int begun, int all) {
        return learner.stopped().map(reason -> reason + ", so training ended in experience " + begun + " of " + all);
    }

    /** The images that accuracies are of. */
    private Images judged() {
        return recipe.data().evaluate() == DataOptions.Evaluate.TEST ? stream.dataset().test() : stream.dataset().train();
    }

    private int[] judged(Experience experience) {
        return recipe.data().evaluate() == DataOptions.Evaluate.TEST ? experience.test() : experience.validation();
    }

    /** How many of an experience's judged images have their highest score, among the candidates, at their label. */
    private int right(double[][] scores, Experience experience, ClassRange candidates) {
        int right = 0;
        for (int i = 0; i < scores.length; i++) {
            int best = candidates.begin();
            for (int c = best + 1; c < candidates.end(); c++) {
                best = scores[i][c] > scores[i][best] ? c : best;
            }
            right += best == stream.relabel(judged().label(judged(experience)[i])) ? 1 : 0;
        }
        return right;
    }

    private static Progress.Evaluation evaluation(int experience, AccuracyMatrix single, AccuracyMatrix within) {
        List<Double> accuracy = new ArrayList<>();
        for (int j = 0; j <= experience; j++) {
            accuracy.add(single.at(experience, j));
        }
        return new Progress.Evaluation(experience, accuracy, single.allSeen(experience), within.allSeen(experience));
    }

    private Network network(Arena arena) {
        Images images = stream.dataset().train();
        Shape image = Shape.of(images.channels(), images.height(), images.width());
        ModelOptions model = recipe.model();
        return switch (model.network()) {
            case CIFAR_RESNET -> Networks.cifarResNet(image, model.depth(), model.widths(), model.stemStride(), model.auxiliaryHeads(),
                    arena, recipe.seed());
            case DIGITS_NET -> Networks.digitsNet(image, model.widths(), model.auxiliaryHeads(), arena, recipe.seed());
        };
    }

    private static String sha256(Learner learner) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            learner.eachWeight(digest::update);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
