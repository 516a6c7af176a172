package dev.palimpsest.train;

import dev.palimpsest.checkpoint.AccuracyRecorder;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.Position;
import dev.palimpsest.checkpoint.StateDict;
import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.Network;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.stream.loading.Loader;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** An experiment while it runs: experience after experience learnt, evaluated and handed to be saved. */
final class ExperimentRun {
    private final Experiment experiment;
    private final Settings settings;
    private final Function<Consumer<String>, Engine> opening;
    private final Stream stream;
    private final Progress progress;
    private final List<Classifier> classifiers = new ArrayList<>();
    private final List<Snapshots.Memory> memory = new ArrayList<>();
    private final AccuracyRecorder accuracy;
    private boolean ensemble;

    /** Null until the last evaluation. */
    private Result.@Nullable Classification classification;

    ExperimentRun(Experiment experiment, Settings settings, Function<Consumer<String>, Engine> opening) {
        this.experiment = experiment;
        this.settings = settings;
        this.opening = opening;
        stream = experiment.stream();
        progress = experiment.progress();
        accuracy = new AccuracyRecorder(stream.experiences().stream()
                .mapToInt(experience -> evaluated(experience).length)
                .toArray());
    }

    Result run() {
        long began = System.nanoTime();
        Images training = stream.dataset().train().normalisedBy(experiment.pixels());
        Images evaluated =
                experiment.testImages() ? stream.dataset().test().normalisedBy(experiment.pixels()) : training;
        try (Arena arena = Arena.ofShared();
                Engine engine = open();
                Loader loader = new Loader(
                        training,
                        stream::relabel,
                        experiment.augmentation(),
                        settings.training().batch(),
                        experiment.seed());
                Inference trainingImages = new Inference(engine, training);
                Inference evaluatedImages = new Inference(engine, evaluated);
                Method method = experiment.method()) { // closed before the engine that its teachers live in
            Network network = network(arena);
            SortedMap<String, String> read = new TreeMap<>(stream.dataset().sha256());
            experiment.weights().ifPresent(file -> read.put(file.getFileName().toString(), load(network, file)));
            Budget budget = new Budget(experiment.budget());
            try (Learner learner = new Learner(new Run(
                    method,
                    settings,
                    engine,
                    network,
                    this::network,
                    stream,
                    training,
                    experiment.augmentation(),
                    loader,
                    trainingImages,
                    progress,
                    budget,
                    experiment.seed()))) {
                return learn(learner, budget, read, evaluatedImages, began);
            }
        }
    }

    private Engine open() {
        List<String> remarks = new ArrayList<>();
        Engine engine = opening.apply(remarks::add);
        try {
            progress.computes(engine.description(), remarks);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
        return engine;
    }

    private Network network(Arena arena) {
        Images images = stream.dataset().train();
        return experiment
                .networks()
                .forImages(Shape.of(images.channels(), images.height(), images.width()))
                .create(arena, experiment.seed());
    }

    /** @return the file's SHA-256 */
    private static String load(Network network, Path file) {
        try {
            byte[] bytes = Safetensors.bytes(file);
            StateDict.load(network, Safetensors.of(file.toString(), bytes));
            return sha256(sink -> sink.accept(bytes));
        } catch (IOException e) {
            // Its sentences begin with the file's name.
            throw new IllegalArgumentException("weights = " + e.getMessage(), e);
        }
    }

    private Result learn(
            Learner learner, Budget budget, SortedMap<String, String> filesRead, Inference images, long began) {
        List<Experience> experiences = stream.experiences();
        List<String> names = stream.classNames();
        progress.begins(new Progress.Setup(
                stream.dataset().name(),
                filesRead,
                experiences.size(),
                names,
                learner.network().weights(names.size())));
        int done = resume(learner, budget);
        Position inside = inside(done, budget);
        progress.resumes(done, inside == null ? 0 : inside.place().step());
        boolean over = isOver(done, budget);
        if (over) {
            try (Models models = learner.models()) {
                score(learner, models, classifiers.getLast(), experiences.get(done - 1), images, true);
            }
            progress.evaluated(evaluation());
        }
        for (Experience experience : experiences.subList(over ? experiences.size() : done, experiences.size())) {
            progress.experienceBegins(new Progress.Arrival(
                    experience.index(),
                    names.subList(
                            experience.classes().begin(), experience.classes().end()),
                    experience.train().length,
                    learner.exemplars()));
            learner.learn(experience, experience.index() == done ? inside : null);
            learner.remember();
            learner.keepForClassifier();
            learner.snapshots().map(Snapshots.Memory::of).ifPresent(memory::add);
            boolean last = isOver(experience.index() + 1, budget);
            evaluate(learner, experience, images, last);
            learner.engine().trim(); // batches of this experience's sizes may not come again
            progress.evaluated(evaluation());
            progress.checkpoint(() -> checkpoint(learner, budget));
            if (last) {
                break;
            }
        }
        Result result = new Result(
                accuracy.accuracy(),
                accuracy.within(),
                memory,
                learner.kept(classifiers.getLast()),
                Objects.requireNonNull(classification, "every run has a last evaluation"),
                sha256(learner::eachWeight),
                (System.nanoTime() - began) * 1e-9,
                learner.times().seconds(),
                budget.passed()
                        .map(reason -> reason + ", so training ended in experience " + accuracy.experiences() + " of "
                                + experiences.size()));
        progress.done(result);
        return result;
    }

    /** @return experiences that are done already */
    private int resume(Learner learner, Budget budget) {
        if (progress.saved().isEmpty() || !experiment.method().resumes()) {
            return 0;
        }
        try {
            Checkpoint checkpoint = Checkpoint.read(progress.saved().get());
            int done = checkpoint.experiences();
            Restoring.from(checkpoint.file(), () -> {
                learner.resume(checkpoint, last(done));
                budget.resume(checkpoint.file());
                // What is measured after the last experience alone is in no checkpoint: that evaluation is made again.
                checkpoint.count(accuracy, isOver(done, budget) ? done - 1 : done);
                memory.addAll(checkpoint.memory());
            });
            for (int e = 0; e < done; e++) {
                classifiers.add(checkpoint.classifier(e));
            }
            ensemble = checkpoint.ensemble();
            return done;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /** @return where to go on in the midst of the experience after so many; null to begin it */
    private @Nullable Position inside(int done, Budget budget) {
        if (progress.savedInside().isEmpty() || !experiment.method().resumes()) {
            return null;
        }
        try {
            Position position = Position.read(progress.savedInside().get());
            if (position.place().experience() != done) {
                return null;
            }
            Restoring.from(position.file(), () -> budget.resume(position.file()));
            return position;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /** The last of so many experiences that are done. */
    private Experience last(int done) {
        int all = stream.experiences().size();
        if (done < 1 || done > all) {
            throw new IllegalArgumentException("it has " + done + " experiences, the run has " + all);
        }
        return stream.experiences().get(done - 1);
    }

    /** Whether nothing is left to be learnt after so many experiences. */
    private boolean isOver(int done, Budget budget) {
        return done == stream.experiences().size() || budget.passed().isPresent();
    }

    private void evaluate(Learner learner, Experience experience, Inference images, boolean last) {
        try (Models models = learner.models()) {
            Classifier classifier = learner.classifier(models);
            score(learner, models, classifier, experience, images, last);
            classifiers.add(classifier);
            ensemble = models.ensemble();
        }
    }

    /** Counts right answers, and after the last experience what they cost and what their probabilities are worth. */
    private void score(
            Learner learner,
            Models models,
            Classifier classifier,
            Experience experience,
            Inference images,
            boolean last) {
        Scoring scoring =
                new Scoring(classifier, models, stream::relabel, stream.seenAfter(experience.index()), images);
        List<Experience> known = stream.experiences().subList(0, experience.index() + 1);
        if (last) {
            scoring.warmUp(indices(known, this::evaluated));
        }
        accuracy.add(known.stream()
                .map(past -> scoring.right(evaluated(past), past.classes()))
                .toArray(AccuracyRecorder.Right[]::new));
        if (last) {
            classification = experiment.testImages()
                    ? scoring.classification(learner.trainingImages(), indices(known, Experience::validation))
                    : scoring.classification();
        }
    }

    private static int[] indices(List<Experience> experiences, Function<Experience, int[]> part) {
        return experiences.stream()
                .flatMapToInt(experience -> Arrays.stream(part.apply(experience)))
                .toArray();
    }

    private int[] evaluated(Experience experience) {
        return experiment.testImages() ? experience.test() : experience.validation();
    }

    /** Of the latest experience. */
    private Progress.Evaluation evaluation() {
        int experience = accuracy.experiences() - 1;
        List<Double> shares = new ArrayList<>();
        for (int j = 0; j <= experience; j++) {
            shares.add(accuracy.accuracy().at(experience, j));
        }
        return new Progress.Evaluation(
                experience,
                shares,
                accuracy.accuracy().allSeen(experience),
                accuracy.within().allSeen(experience),
                accuracy.confusion());
    }

    private SafetensorsWriter checkpoint(Learner learner, Budget budget) {
        SafetensorsWriter to = Checkpoint.write(new Checkpoint.State(
                experiment.options(),
                stream.classNames(),
                stream.experiences().stream()
                        .limit(accuracy.experiences())
                        .map(experience -> experience.classes().end())
                        .toList(),
                learner.network().image(),
                experiment.pixels(),
                learner.epochs(),
                ensemble,
                learner.network(),
                learner.snapshots(),
                learner.exemplarsByClass(),
                classifiers,
                accuracy,
                memory,
                classification == null ? OptionalDouble.empty() : classification.temperature()));
        learner.save(to);
        budget.save(to);
        return to;
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
