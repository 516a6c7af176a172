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
import dev.palimpsest.stream.Stream.Experience;
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
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import java.util.stream.DoubleStream;
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
     * @param leftOut how many images are not counted because the model has not learnt their class, by its name
     * @param highest every counted image's highest score; not to be written to
     */
    public record Scores(List<Group> groups, SortedMap<String, Integer> leftOut, double[] highest) {
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

        /**
         * How well the highest score tells the counted images from others: the share of pairs of a counted image and
         * another one in which the counted one's is higher, ties counting half (area under the ROC curve).
         *
         * @param others highest scores of images of no class that was learnt, of which there is at least one
         * @return from 0 to 1; 0.5 for scores that say nothing; NaN without counted images
         */
        public double auroc(double[] others) {
            double[] sorted = others.clone();
            Arrays.sort(sorted);
            double halves = 0;
            for (double score : highest) {
                halves += below(sorted, score) + below(sorted, Math.nextUp(score));
            }
            return halves / (2.0 * highest.length * sorted.length);
        }

        private static int below(double[] sorted, double limit) {
            int low = 0;
            int high = sorted.length;
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (sorted[middle] < limit) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low;
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
                        stream.dataset(),
                        images(stream.dataset(), part),
                        stream.experiences().stream()
                                .map(experience -> part(experience, part))
                                .toList(),
                        part == Part.TEST ? outside(stream) : IntStream.empty(),
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

    /** Test images of classes that no experience has. */
    private static IntStream outside(Stream stream) {
        Images test = stream.dataset().test();
        return IntStream.range(0, test.size()).filter(i -> {
            int number = stream.relabel(test.label(i));
            return number < 0 || number >= stream.classes();
        });
    }

    /**
     * Images of a data set.
     *
     * @param byExperience indices of the images of each experience's classes, ascending
     * @param unknown indices of those of classes that no experience has
     */
    private record Evaluated(
            Dataset dataset, Images images, List<int[]> byExperience, int[] unknown, IntUnaryOperator relabel) {
        Evaluated(
                Dataset dataset, Images images, List<int[]> byExperience, IntStream unknown, IntUnaryOperator relabel) {
            this(dataset, images, byExperience, unknown.toArray(), relabel);
        }

        /** Images by the names of their classes, without those of the first experiences. */
        SortedMap<String, Integer> leftOut(int learnt) {
            SortedMap<String, Integer> leftOut = new TreeMap<>();
            IntStream.concat(
                            Arrays.stream(unknown),
                            byExperience.stream().skip(learnt).flatMapToInt(Arrays::stream))
                    .forEach(i -> leftOut.merge(dataset.classNames().get(images.label(i)), 1, Integer::sum));
            return leftOut;
        }

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
                dataset,
                images,
                ranges.stream()
                        .map(range -> IntStream.range(0, images.size())
                                .filter(i ->
                                        position[images.label(i)] >= 0 && range.contains(position[images.label(i)]))
                                .toArray())
                        .toList(),
                IntStream.range(0, images.size()).filter(i -> position[images.label(i)] < 0),
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
        DoubleStream.Builder highest = DoubleStream.builder();
        try (Inference images = new Inference(engine, evaluated.images());
                Models models = models(engine, snapshot)) {
            for (int j = 0; j < learnt.size(); j++) {
                int[] indices = evaluated.byExperience().get(j);
                double[][] scores = scores(classifier, models, images, indices, seen);
                Arrays.stream(highest(scores, seen)).forEach(highest);
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
            for (Part part : List.of(Part.TEST, Part.TRAIN)) {
                Images images = images(dataset, part);
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
