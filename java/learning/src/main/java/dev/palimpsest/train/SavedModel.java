package dev.palimpsest.train;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.StateDict;
import dev.palimpsest.model.Weights;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
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
        TEST,
        VALIDATION,
        TRAIN
    }

    /**
     * Scores on images of one experience's classes.
     *
     * @param classes their names
     * @param right single-head: the highest score of all classes seen is the image's
     * @param rightWithin the highest score of the experience's own classes is the image's
     */
    public record Group(List<String> classes, int images, int right, int rightWithin) {
        /** Of 1; NaN without images. */
        public double accuracy() {
            return (double) right / images;
        }

        /** Of 1; NaN without images. */
        public double withinExperience() {
            return (double) rightWithin / images;
        }
    }

    /**
     * What a model scores.
     *
     * @param groups one for each experience that the model has learnt
     * @param leftOut images of classes that it has not learnt, which are not counted
     */
    public record Scores(List<Group> groups, int leftOut) {
        /** All images, every one weighing alike. */
        public Group all() {
            return new Group(
                    groups.stream().flatMap(group -> group.classes().stream()).toList(),
                    groups.stream().mapToInt(Group::images).sum(),
                    groups.stream().mapToInt(Group::right).sum(),
                    groups.stream().mapToInt(Group::rightWithin).sum());
        }
    }

    private final Checkpoint checkpoint;
    private final Recipe recipe;
    private final List<ClassRange> ranges;
    private final Arena arena = Arena.ofShared();
    private final Network network;
    private final Optional<Snapshots> snapshots;

    private SavedModel(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        recipe = checkpoint.recipe();
        MethodOptions.Kind kind = recipe.method().kind();
        if (recipe.mlkd().ensemble() && (kind == MethodOptions.Kind.MLKD || kind == MethodOptions.Kind.MLKD_ALONE)) {
            throw new IllegalArgumentException(
                    "The run classified with an ensemble, of which it kept one network: train with ensemble = "
                            + "false to evaluate it again.");
        }
        ranges = checkpoint.ranges();
        network = RecipeNetwork.of(recipe.model(), checkpoint.image()).create(arena, recipe.seed());
        network.grow(checkpoint.classes(network));
        checkpoint.load(network);
        snapshots = Snapshots.read(checkpoint.file(), network.parameters());
    }

    /** @throws IOException with a sentence, if the file cannot be read or is no checkpoint */
    public static SavedModel read(Path checkpoint) throws IOException {
        return new SavedModel(Checkpoint.read(checkpoint));
    }

    public Recipe recipe() {
        return recipe;
    }

    /** Experiences that the latest model has learnt. */
    public int experiences() {
        return ranges.size();
    }

    /** Earlier models that can be read; the last of them may be the latest model itself. */
    public int snapshots() {
        return snapshots.map(Snapshots::count).orElse(0);
    }

    /**
     * Scores images of any data set. Pixels are normalised as in training, and classes are matched by their names.
     *
     * @param snapshot from 1; empty: the latest model
     * @throws IllegalArgumentException with a sentence, if there is no such snapshot or the images do not fit
     */
    public Scores score(Dataset dataset, Part part, OptionalInt snapshot) {
        return score(dataset, part, snapshot, DeviceOptions.of(DeviceOptions.Device.CPU, 1), remark -> {});
    }

    /**
     * The same on a device of choice, whose rounding may differ from that of the run's own.
     *
     * @param remark is told why an automatic choice fell back to the processor
     * @throws dev.palimpsest.engine.EngineException if an engine is asked for by name and cannot be used
     */
    public Scores score(
            Dataset dataset, Part part, OptionalInt snapshot, DeviceOptions device, Consumer<String> remark) {
        requireModel(snapshot);
        Shape image = Shape.of(dataset.channels(), dataset.height(), dataset.width());
        if (!image.equals(checkpoint.image())) {
            throw new IllegalArgumentException("The images of " + dataset.name() + " are " + image + ", the run's are "
                    + checkpoint.image() + ": the network needs images of the size that it learnt from.");
        }
        Judged judged = judged(dataset, part);
        try (Engine engine = Engines.open(device.withThreads(recipe.threads()), remark)) {
            return score(engine, judged, ranges.subList(0, snapshot.orElse(experiences())), snapshot);
        }
    }

    private void requireModel(OptionalInt snapshot) {
        if (snapshot.isPresent() && (snapshot.getAsInt() < 1 || snapshot.getAsInt() > snapshots())) {
            throw new IllegalArgumentException("There is no snapshot " + snapshot.getAsInt() + ": the run has "
                    + (snapshots() == 0
                            ? "none, as its method " + recipe.toMap().get("method") + " keeps none."
                            : "1 to " + snapshots() + "."));
        }
    }

    /**
     * A model's weights as PyTorch names them, to be written before this is closed. In the metadata stand the names of
     * the classes in the order of the logits, one a line, and the mean and standard deviation of a pixel byte by
     * channel.
     *
     * @param snapshot from 1; empty: the latest model
     * @throws IllegalArgumentException with a sentence, if there is no such snapshot
     */
    public SafetensorsWriter export(OptionalInt snapshot) {
        requireModel(snapshot);
        SafetensorsWriter to = new SafetensorsWriter();
        to.metadata("format", "pt"); // libraries of PyTorch's world look for it
        to.metadata(
                "classes",
                String.join(
                        "\n",
                        checkpoint
                                .classes()
                                .subList(
                                        0,
                                        ranges.get(snapshot.orElse(experiences()) - 1)
                                                .end())));
        to.metadata("pixel_mean", Arrays.toString(checkpoint.mean()));
        to.metadata("pixel_deviation", Arrays.toString(checkpoint.deviation()));
        StateDict.write(network, weights(snapshot), to);
        return to;
    }

    private Weights weights(OptionalInt snapshot) {
        return snapshot.isPresent()
                ? new SnapshotWeights(snapshots.orElseThrow(), snapshot.getAsInt())
                : Weights.of(network);
    }

    /** @param byExperience indices of the images of each experience's classes, ascending */
    private record Judged(Images images, List<int[]> byExperience, IntUnaryOperator relabel) {}

    private Judged judged(Dataset dataset, Part part) {
        List<String> classes = checkpoint.classes();
        boolean own = dataset.name().equals(recipe.data().name())
                && (recipe.repetition().on() || dataset.classes() == classes.size())
                && new HashSet<>(dataset.classNames()).containsAll(classes);
        Images images = (part == Part.TEST ? dataset.test() : dataset.train())
                .normalisedBy(new Normalisation(checkpoint.mean(), checkpoint.deviation()));
        if (own) {
            Stream stream = Experiment.stream(recipe, dataset);
            return new Judged(
                    images,
                    stream.experiences().stream()
                            .map(experience -> part(experience, part))
                            .toList(),
                    stream::relabel);
        }
        if (part == Part.VALIDATION) {
            throw new IllegalArgumentException("Validation images are those of the run's own data, "
                    + recipe.data().name() + ", that were held out of training: choose --split test or train for "
                    + dataset.name() + ".");
        }
        int[] position =
                dataset.classNames().stream().mapToInt(classes::indexOf).toArray();
        if (IntStream.of(position).allMatch(p -> p < 0)) {
            throw new IllegalArgumentException("No class of " + dataset.name() + " has the name of a class of the run: "
                    + some(dataset.classNames()) + " against " + some(classes) + ".");
        }
        return new Judged(
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

    private Scores score(Engine engine, Judged judged, List<ClassRange> learnt, OptionalInt snapshot) {
        ClassRange seen = new ClassRange(0, learnt.getLast().end());
        List<Group> groups = new ArrayList<>();
        try (Inference images = new Inference(engine, judged.images());
                Classifier classifier = classifier(engine, snapshot)) {
            for (int j = 0; j < learnt.size(); j++) {
                int[] indices = judged.byExperience().get(j);
                // A plan has no batch for no image.
                Classifier.Right right = indices.length == 0
                        ? new Classifier.Right(0, 0)
                        : classifier.right(images, indices, judged.relabel(), seen, learnt.get(j));
                groups.add(new Group(
                        checkpoint
                                .classes()
                                .subList(learnt.get(j).begin(), learnt.get(j).end()),
                        indices.length,
                        right.single(),
                        right.within()));
            }
        }
        int later = judged.byExperience().stream()
                .skip(learnt.size())
                .mapToInt(indices -> indices.length)
                .sum();
        return new Scores(groups, later);
    }

    private Classifier classifier(Engine engine, OptionalInt snapshot) {
        return new Classifier(
                new FrozenNetwork(engine, network, weights(snapshot)),
                Classifier.read(checkpoint.file(), Findings.classifierPrefix(snapshot.orElse(experiences()) - 1)));
    }

    @Override
    public void close() {
        snapshots.ifPresent(Snapshots::close);
        arena.close();
    }
}
