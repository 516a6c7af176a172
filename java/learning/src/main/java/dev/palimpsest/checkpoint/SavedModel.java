package dev.palimpsest.checkpoint;

import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * The models in a run's checkpoint: the latest one, and every earlier one of which there is a snapshot. They classify
 * as they did when the run evaluated them, bit for bit on the same kind of device. For one thread; close it to free
 * the memory.
 */
public final class SavedModel implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final List<ClassRange> ranges;
    private final Arena arena = Arena.ofShared();
    private final Network network;
    private final Optional<Snapshots> snapshots;

    /**
     * The models of a checkpoint.
     *
     * @param checkpoint of a run
     * @param networks what made the run's network
     * @throws IOException with a sentence, if the checkpoint is not of that network, or damaged
     * @throws IllegalArgumentException with a sentence, if the run classified with networks that the checkpoint does
     *     not have
     */
    public SavedModel(Checkpoint checkpoint, Architecture.Factory networks) throws IOException {
        this.checkpoint = checkpoint;
        if (checkpoint.ensemble()) {
            throw new IllegalArgumentException(
                    "The run classified with an ensemble, of which it kept one network: train with ensemble = "
                            + "false to evaluate it again.");
        }
        ranges = checkpoint.ranges();
        try {
            network = networks.forImages(checkpoint.image())
                    .create(new BoundedArena(arena, checkpoint.networkBytes()), 0);
            network.grow(checkpoint.classes(network));
            checkpoint.load(network);
            snapshots = checkpoint.snapshots(network);
        } catch (IllegalArgumentException | IllegalStateException e) {
            arena.close();
            throw checkpoint.damaged(e);
        }
    }

    /**
     * Experiences that the latest model has learnt.
     *
     * @return how many
     */
    public int experiences() {
        return ranges.size();
    }

    /**
     * Earlier models that can be read; the last of them may be the latest model itself.
     *
     * @return how many
     */
    public int snapshots() {
        return snapshots.map(Snapshots::count).orElse(0);
    }

    /**
     * Scores images of the run's own stream. Pixels are normalised as in training.
     *
     * @param stream as the run had it
     * @param part of every experience's images
     * @param snapshot from 1; empty: the latest model
     * @param engine that computes; its rounding may differ from that of the run's own
     * @return counts
     * @throws IOException with a sentence, if the checkpoint's classifier is damaged
     * @throws IllegalArgumentException with a sentence, if there is no such snapshot or the images do not fit
     */
    public Scores score(Stream stream, ImagePart part, OptionalInt snapshot, Engine engine) throws IOException {
        requireModel(snapshot);
        requireSize(stream.dataset());
        return score(engine, ScoredImages.of(stream, part, checkpoint.normalisation()), snapshot);
    }

    /**
     * Scores images of any data set. Pixels are normalised as in training, and classes are matched by their names.
     *
     * @param dataset with images of the run's size
     * @param part of the data set; nothing of it was held out for validation
     * @param snapshot from 1; empty: the latest model
     * @param engine that computes; its rounding may differ from that of the run's own
     * @return counts
     * @throws IOException with a sentence, if the checkpoint's classifier is damaged
     * @throws IllegalArgumentException with a sentence, if there is no such snapshot or the images do not fit
     */
    public Scores score(Dataset dataset, ImagePart part, OptionalInt snapshot, Engine engine) throws IOException {
        requireModel(snapshot);
        requireSize(dataset);
        return score(
                engine,
                ScoredImages.byName(dataset, part, checkpoint.normalisation(), checkpoint.classes(), ranges),
                snapshot);
    }

    private void requireSize(Dataset dataset) {
        Shape image = Shape.of(dataset.channels(), dataset.height(), dataset.width());
        if (!image.equals(checkpoint.image())) {
            throw new IllegalArgumentException("The images of " + dataset.name() + " are " + image + ", the run's are "
                    + checkpoint.image() + ": the network needs images of the size that it learnt from.");
        }
    }

    private void requireModel(OptionalInt snapshot) {
        if (snapshot.isPresent() && (snapshot.getAsInt() < 1 || snapshot.getAsInt() > snapshots())) {
            throw new IllegalArgumentException("There is no snapshot " + snapshot.getAsInt() + ": the run has "
                    + (snapshots() == 0
                            ? "none, as its method " + checkpoint.options().get("method") + " keeps none."
                            : "1 to " + snapshots() + "."));
        }
    }

    /**
     * A model for other programs and for {@link ExportedModel}, to be written before this is closed.
     *
     * @param snapshot from 1; empty: the latest model
     * @return what is to be written
     * @throws IllegalArgumentException if there is no such snapshot
     * @throws IOException with a sentence, if the checkpoint is damaged
     */
    public SafetensorsWriter export(OptionalInt snapshot) throws IOException {
        requireModel(snapshot);
        int experiences = snapshot.orElse(experiences());
        ClassifierType type = checkpoint.classifierType();
        List<Weights> read = IntStream.rangeClosed(1, Math.min(type.snapshots(), Math.min(experiences, snapshots())))
                .mapToObj(number -> snapshots.orElseThrow().weights(number))
                .toList();
        try {
            return ExportedModel.write(new ExportedModel.Content(
                    checkpoint.options(),
                    checkpoint.classes().subList(0, ranges.get(experiences - 1).end()),
                    checkpoint.normalisation(),
                    network,
                    weights(snapshot),
                    read,
                    type,
                    checkpoint.classifier(experiences - 1),
                    snapshot.isPresent() ? OptionalDouble.empty() : checkpoint.temperature()));
        } catch (IllegalArgumentException e) {
            throw checkpoint.damaged(e);
        }
    }

    private Weights weights(OptionalInt snapshot) {
        if (snapshot.isEmpty()) {
            return Weights.of(network);
        }
        int number = snapshot.getAsInt();
        if (number < 1 || number > snapshots()) {
            throw new IllegalArgumentException(
                    "its classifier reads the snapshot " + number + ", and it has " + snapshots());
        }
        return snapshots.orElseThrow().weights(number);
    }

    private Scores score(Engine engine, ScoredImages evaluated, OptionalInt snapshot) throws IOException {
        List<ClassRange> learnt = ranges.subList(0, snapshot.orElse(experiences()));
        ClassRange seen = new ClassRange(0, learnt.getLast().end());
        var classifier = checkpoint.classifier(learnt.size() - 1);
        List<Scores.Group> groups = new ArrayList<>();
        DoubleStream.Builder highest = DoubleStream.builder();
        try (Inference images = new Inference(engine, evaluated.images());
                Models models = models(engine, snapshot)) {
            for (int j = 0; j < learnt.size(); j++) {
                int[] indices = evaluated.byExperience().get(j);
                double[][] scores = scores(classifier, models, images, indices, seen);
                Arrays.stream(highest(scores, seen)).forEach(highest);
                AccuracyRecorder.Right right = evaluated.right(scores, j, seen, learnt.get(j));
                groups.add(new Scores.Group(
                        checkpoint
                                .classes()
                                .subList(learnt.get(j).begin(), learnt.get(j).end()),
                        indices.length,
                        right.single(),
                        right.within()));
            }
        }
        return new Scores(
                groups, evaluated.leftOut(learnt.size()), highest.build().toArray());
    }

    private static double[] highest(double[][] scores, ClassRange seen) {
        return Arrays.stream(scores)
                .mapToDouble(row ->
                        Arrays.stream(row, seen.begin(), seen.end()).max().orElseThrow())
                .toArray();
    }

    /**
     * Highest scores of images whose classes the model has not learnt, test and training images alike. Pixels are
     * normalised as in training, and classes are matched by their names.
     *
     * @param dataset with images of the run's size
     * @param snapshot from 1; empty: the latest model
     * @param engine that computes
     * @return one for each image
     * @throws IllegalArgumentException with a sentence, if there is no such snapshot, the images do not fit, or the
     *     model has learnt all classes
     * @throws IOException with a sentence, if the checkpoint is damaged
     */
    public double[] unknown(Dataset dataset, OptionalInt snapshot, Engine engine) throws IOException {
        requireModel(snapshot);
        requireSize(dataset);
        int experience = snapshot.orElse(experiences()) - 1;
        ClassRange seen = new ClassRange(0, ranges.get(experience).end());
        List<String> learnt = checkpoint.classes().subList(0, seen.end());
        if (learnt.containsAll(dataset.classNames())) {
            throw new IllegalArgumentException("The model has learnt all classes of " + dataset.name()
                    + ": what is to be unknown to it needs others, as those of glyphs-distractors.");
        }
        Classifier classifier = checkpoint.classifier(experience);
        DoubleStream.Builder all = DoubleStream.builder();
        try (Models models = models(engine, snapshot)) {
            for (ImagePart part : List.of(ImagePart.TEST, ImagePart.TRAIN)) {
                Images images = part.of(dataset, checkpoint.normalisation());
                int[] others = IntStream.range(0, images.size())
                        .filter(i -> !learnt.contains(dataset.classNames().get(images.label(i))))
                        .toArray();
                try (Inference inference = new Inference(engine, images)) {
                    double[][] scores = scores(classifier, models, inference, others, seen);
                    Arrays.stream(highest(scores, seen)).forEach(all);
                }
            }
        }
        return all.build().toArray();
    }

    private double[][] scores(Classifier classifier, Models models, Inference images, int[] indices, ClassRange seen)
            throws IOException {
        try {
            double[][] scores = classifier.scores(models, images, indices);
            if (scores.length > 0 && scores[0].length < seen.end()) {
                throw new IllegalArgumentException(
                        "its classifier scores " + scores[0].length + " classes, expected " + seen.end());
            }
            return scores;
        } catch (IllegalArgumentException e) {
            throw checkpoint.damaged(e);
        }
    }

    private Models models(Engine engine, OptionalInt snapshot) {
        return new Models(
                () -> new FrozenNetwork(engine, network, weights(snapshot)),
                number -> new FrozenNetwork(engine, network, weights(OptionalInt.of(number))),
                List::of);
    }

    @Override
    public void close() {
        snapshots.ifPresent(Snapshots::close);
        arena.close();
    }
}
