package dev.palimpsest.checkpoint;

import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Models;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Weights;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * The models in a run's checkpoint: the latest one, and every earlier one of which there is a snapshot. They classify
 * as they did when the run evaluated them, bit for bit on the same kind of device. For one thread; close it to free
 * the memory.
 */
public final class SavedModel implements AutoCloseable {
    /** Images of a data set to score. */
    public enum Part {
        /** The data set's test images. */
        TEST,
        /** Training images that the stream held out. */
        VALIDATION,
        /** Images that the model was trained on. */
        TRAIN
    }

    /**
     * Scores on images of one experience's classes.
     *
     * @param classes their names
     * @param images how many were scored
     * @param right single-head: the highest score of all classes seen is the image's
     * @param rightWithin the highest score of the experience's own classes is the image's
     */
    public record Group(List<String> classes, int images, int right, int rightWithin) {
        /**
         * Accuracy among all classes that the model knows.
         *
         * @return share of 1; NaN without images
         */
        public double accuracy() {
            return (double) right / images;
        }

        /**
         * Accuracy among the classes of the image's own experience.
         *
         * @return share of 1; NaN without images
         */
        public double withinExperience() {
            return (double) rightWithin / images;
        }
    }

    /**
     * Counts of right answers.
     *
     * @param groups one for each experience that the model has learnt
     * @param leftOut images of classes that it has not learnt, which are not counted
     */
    public record Scores(List<Group> groups, int leftOut) {
        /**
         * The groups taken together, every image weighing alike.
         *
         * @return the sum of all groups
         */
        public Group all() {
            return new Group(
                    groups.stream().flatMap(group -> group.classes().stream()).toList(),
                    groups.stream().mapToInt(Group::images).sum(),
                    groups.stream().mapToInt(Group::right).sum(),
                    groups.stream().mapToInt(Group::rightWithin).sum());
        }
    }

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
    public Scores score(Stream stream, Part part, OptionalInt snapshot, Engine engine) throws IOException {
        requireModel(snapshot);
        requireSize(stream.dataset());
        return score(
                engine,
                new Evaluated(
                        images(stream.dataset(), part),
                        stream.experiences().stream()
                                .map(experience -> part(experience, part))
                                .toList(),
                        stream::relabel),
                ranges.subList(0, snapshot.orElse(experiences())),
                snapshot);
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
    public Scores score(Dataset dataset, Part part, OptionalInt snapshot, Engine engine) throws IOException {
        requireModel(snapshot);
        requireSize(dataset);
        return score(engine, byName(dataset, part), ranges.subList(0, snapshot.orElse(experiences())), snapshot);
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
     * A model's weights as PyTorch names them, to be written before this is closed. In the metadata stand the names of
     * the classes in the order of the logits, one per line, and the mean and standard deviation of a pixel byte by
     * channel.
     *
     * @param snapshot from 1; empty: the latest model
     * @return what is to be written
     * @throws IllegalArgumentException if there is no such snapshot
     */
    public SafetensorsWriter export(OptionalInt snapshot) {
        requireModel(snapshot);
        SafetensorsWriter to = new SafetensorsWriter();
        to.metadata("format", "pt"); // libraries of PyTorch's world look for it
        int classes = ranges.get(snapshot.orElse(experiences()) - 1).end();
        to.metadata("classes", String.join("\n", checkpoint.classes().subList(0, classes)));
        to.metadata("pixel_mean", Arrays.toString(checkpoint.normalisation().mean()));
        to.metadata(
                "pixel_deviation", Arrays.toString(checkpoint.normalisation().deviation()));
        StateDict.write(network, weights(snapshot), to);
        return to;
    }

    private Weights weights(OptionalInt snapshot) {
        return snapshot.isPresent() ? snapshots.orElseThrow().weights(snapshot.getAsInt()) : Weights.of(network);
    }

    /** @param byExperience indices of the images of each experience's classes, ascending */
    private record Evaluated(Images images, List<int[]> byExperience, IntUnaryOperator relabel) {
        AccuracyRecorder.Right right(double[][] scores, int experience, ClassRange seen, ClassRange own) {
            int[] labels = Arrays.stream(byExperience.get(experience))
                    .map(i -> relabel.applyAsInt(images.label(i)))
                    .toArray();
            return AccuracyRecorder.Right.count(scores, labels, seen, own);
        }
    }

    private Images images(Dataset dataset, Part part) {
        return (part == Part.TEST ? dataset.test() : dataset.train()).normalisedBy(checkpoint.normalisation());
    }

    private Evaluated byName(Dataset dataset, Part part) {
        if (part == Part.VALIDATION) {
            throw new IllegalArgumentException("Validation images are those of the run's own data that were held out of"
                    + " training: choose test or training images of " + dataset.name() + ".");
        }
        List<String> classes = checkpoint.classes();
        Images images = images(dataset, part);
        int[] position =
                dataset.classNames().stream().mapToInt(classes::indexOf).toArray();
        if (IntStream.of(position).allMatch(p -> p < 0)) {
            throw new IllegalArgumentException("No class of " + dataset.name() + " has the name of a class of the run: "
                    + some(dataset.classNames()) + " against " + some(classes) + ".");
        }
        return new Evaluated(
                images,
                ranges.stream()
                        .map(range -> IntStream.range(0, images.size())
                                .filter(i ->
                                        position[images.label(i)] >= 0 && range.contains(position[images.label(i)]))
                                .toArray())
                        .toList(),
                label -> position[label]);
    }

    private static String some(List<String> names) {
        return String.join(", ", names.subList(0, Math.min(5, names.size()))) + (names.size() > 5 ? ", …" : "");
    }

    private static int[] part(Experience experience, Part part) {
        return switch (part) {
            case TEST -> experience.test();
            case VALIDATION -> experience.validation();
            case TRAIN -> experience.train();
        };
    }

    private Scores score(Engine engine, Evaluated evaluated, List<ClassRange> learnt, OptionalInt snapshot)
            throws IOException {
        ClassRange seen = new ClassRange(0, learnt.getLast().end());
        var classifier = checkpoint.classifier(learnt.size() - 1);
        List<Group> groups = new ArrayList<>();
        try (Inference images = new Inference(engine, evaluated.images());
                Models models = models(engine, snapshot)) {
            for (int j = 0; j < learnt.size(); j++) {
                int[] indices = evaluated.byExperience().get(j);
                // A plan has no batch for no image.
                double[][] scores =
                        indices.length == 0 ? new double[0][] : scores(classifier, models, images, indices, seen);
                AccuracyRecorder.Right right = evaluated.right(scores, j, seen, learnt.get(j));
                groups.add(new Group(
                        checkpoint
                                .classes()
                                .subList(learnt.get(j).begin(), learnt.get(j).end()),
                        indices.length,
                        right.single(),
                        right.within()));
            }
        }
        int later = evaluated.byExperience().stream()
                .skip(learnt.size())
                .mapToInt(indices -> indices.length)
                .sum();
        return new Scores(groups, later);
    }

    private double[][] scores(Classifier classifier, Models models, Inference images, int[] indices, ClassRange seen)
            throws IOException {
        try {
            double[][] scores = classifier.scores(models, images, indices);
            if (scores[0].length < seen.end()) {
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
