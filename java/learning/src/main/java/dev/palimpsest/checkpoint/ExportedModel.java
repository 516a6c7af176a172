package dev.palimpsest.checkpoint;

import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.data.Source;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.internal.Reason;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One model of a run as a file for other programs, which classifies by what the run was evaluated with. It has the
 * weights under PyTorch's names, without auxiliary heads. A classifier that is a linear head stands in {@code fc}; any
 * other has tensors of its own beside the run's {@code fc}, and a line in the metadata says how they are read. The
 * metadata further have the classes in the order of the logits, one per line; the network, and what its images are made
 * of; and the run's recipe. For one thread; close it to free the memory.
 */
public final class ExportedModel implements AutoCloseable {
    private static final String FORMAT = "palimpsest_model";
    private static final String VERSION = "1";
    private static final String CLASSES = "classes";
    private static final String CLASSIFIER = "classifier";
    private static final String BESIDE = "classifier_tensors";
    private static final String NOTE = "classifier_note";
    private static final String TEMPERATURE = "temperature";
    private static final String RECIPE = "recipe";
    private static final String MEAN = "pixel_mean";
    private static final String DEVIATION = "pixel_deviation";
    private static final String WHITE = "pixel_white";
    private static final String CHANNELS = "channels";
    private static final String HEIGHT = "height";
    private static final String WIDTH = "width";
    private static final String RESIZE = "resize";
    private static final String CROPPED = "cropped";
    /** Where files lie on the machine of the run is nobody else's business, and changes nothing. */
    private static final Set<String> PLACES = Set.of("data-folder", "weights");

    /**
     * All that is written.
     *
     * @param options of the run
     * @param classes that the model tells apart
     * @param network whose form the weights have
     * @param weights of the model
     * @param snapshots weights of earlier models that the classifier reads, from the first on
     * @param classifier that {@code type} made after the model's last experience
     * @param temperature that calibrates its scores; empty where it is not known
     */
    record Content(
            SequencedMap<String, String> options,
            List<String> classes,
            Normalisation pixels,
            Network network,
            Weights weights,
            List<Weights> snapshots,
            ClassifierType type,
            Classifier classifier,
            OptionalDouble temperature) {}

    private final Safetensors file;
    private final List<String> classes;
    private final Preparation preparation;
    private final Normalisation pixels;
    private final Classifier classifier;
    /** 1 where it is not calibrated. */
    private final double temperature;

    private final Engine engine;
    private final Models models;

    /**
     * The model of a file.
     *
     * @param file that {@link SavedModel#export} wrote
     * @param networks makes the network that the file's recipe names
     * @param engine that computes, and stays open; its rounding may differ from that of the run's own
     * @throws IllegalArgumentException with a sentence, if the file is of another kind or lacks something
     */
    public ExportedModel(Safetensors file, Architecture.Factory networks, Engine engine) {
        this.file = file;
        this.engine = engine;
        SequencedMap<String, String> options = options(file);
        classes = metadata(file, CLASSES).lines().toList();
        preparation = new Preparation(
                number(CHANNELS), number(HEIGHT), number(WIDTH), number(RESIZE), truth(CROPPED), number(WHITE));
        pixels = new Normalisation(numbers(MEAN), numbers(DEVIATION));
        if (pixels.mean().length != preparation.channels()) {
            throw damaged(file, MEAN, metadata(file, MEAN));
        }
        classifier = Classifiers.named(metadata(file, CLASSIFIER))
                .createFrom(options)
                .read(file, "");
        temperature = calibrated(file) ? numbers(TEMPERATURE)[0] : 1;
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            throw damaged(file, TEMPERATURE, metadata(file, TEMPERATURE));
        }
        Shape image = Shape.of(preparation.channels(), preparation.height(), preparation.width());
        models = new Models(
                () -> compiled(networks.forImages(image), ""),
                number -> compiled(networks.forImages(image), snapshotPrefix(number)),
                List::of);
    }

    /** What is frozen has copies of the weights. */
    private FrozenNetwork compiled(Architecture architecture, String prefix) {
        try (Arena arena = Arena.ofShared()) {
            Network network = architecture.create(arena, 0);
            StateDict.load(network, file, prefix);
            if (prefix.isEmpty()) {
                StateDict.loadHead(network, file, classes.size());
            } else {
                network.grow(1); // a head, which nobody reads
            }
            return new FrozenNetwork(engine, network, Weights.of(network));
        }
    }

    /**
     * The recipe of the run that the model comes from, without places on its machine.
     *
     * @param file of a model
     * @return texts by option name
     * @throws IllegalArgumentException with a sentence, if the file is of another kind
     */
    public static SequencedMap<String, String> options(Safetensors file) {
        if (!VERSION.equals(file.metadata().get(FORMAT))) {
            throw new IllegalArgumentException(file.source() + " is neither a run nor a model that palimpsest export of"
                    + " this version wrote: expected " + FORMAT + " " + VERSION + " in its header, found "
                    + file.metadata().getOrDefault(FORMAT, "none"));
        }
        SequencedMap<String, String> options = new LinkedHashMap<>();
        metadata(file, RECIPE).lines().forEach(line -> {
            int equals = line.indexOf(" = ");
            if (equals < 0) {
                throw damaged(file, RECIPE, line);
            }
            options.put(line.substring(0, equals), line.substring(equals + 3));
        });
        return options;
    }

    private static String metadata(Safetensors file, String key) {
        String text = file.metadata().get(key);
        if (text == null) {
            throw new IllegalArgumentException(
                    file.source() + " lacks " + key + " in its metadata: export the model again");
        }
        return text;
    }

    private static IllegalArgumentException damaged(Safetensors file, String key, String found) {
        return new IllegalArgumentException(file.source() + " is damaged: its metadata have " + key + " "
                + Reason.brief(found) + ": export the model again");
    }

    private int number(String key) {
        String text = metadata(file, key);
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException _) {
            throw damaged(file, key, text);
        }
    }

    private boolean truth(String key) {
        String text = metadata(file, key);
        if (!text.equals("true") && !text.equals("false")) {
            throw damaged(file, key, text);
        }
        return text.equals("true");
    }

    private double[] numbers(String key) {
        String text = metadata(file, key);
        try {
            return Arrays.stream(text.replaceAll("[\\[\\] ]", "").split(",", -1))
                    .mapToDouble(Double::parseDouble)
                    .toArray();
        } catch (NumberFormatException _) {
            throw damaged(file, key, text);
        }
    }

    private static boolean calibrated(Safetensors file) {
        return file.metadata().containsKey(TEMPERATURE);
    }

    /**
     * Whether probabilities are calibrated on images that the run had held out.
     *
     * @return whether there were such images, and the model is the run's last
     */
    public boolean calibrated() {
        return calibrated(file);
    }

    /** Names of tensors that belong to a classifier and not to the network. */
    static Set<String> besideTheNetwork(Safetensors file) {
        return file.metadata().getOrDefault(BESIDE, "").lines().collect(Collectors.toSet());
    }

    /**
     * How a model is read whose classifier is not the head in {@code fc}.
     *
     * @param file that {@link SavedModel#export} gave
     * @return the beginning of a sentence; empty if {@code fc} says all
     */
    public static Optional<String> besideTheHead(SafetensorsWriter file) {
        return Optional.ofNullable(file.metadata().get(NOTE));
    }

    static SafetensorsWriter write(Content model) {
        SafetensorsWriter to = new SafetensorsWriter();
        to.metadata("format", "pt"); // libraries of PyTorch's world look for it
        to.metadata(FORMAT, VERSION);
        to.metadata(CLASSES, String.join("\n", model.classes));
        describe(model.options, model.network.image(), model.pixels, to);
        model.temperature.ifPresent(value -> {
            to.metadata(TEMPERATURE, Double.toString(value));
            to.metadata("probabilities", "softmax(temperature * score)");
        });
        StateDict.writeBody(model.network, model.weights, "", to);
        var linear = model.classifier.linearHead();
        StateDict.HeadValues head = linear.map(StateDict.HeadValues::of)
                .orElseGet(() -> StateDict.HeadValues.of(model.network, model.weights));
        StateDict.writeHead(model.network, head.first(model.classes.size()), to);
        Set<String> ofNetwork = to.names();
        if (linear.isEmpty()) {
            for (int k = 0; k < model.snapshots.size(); k++) {
                StateDict.writeBody(model.network, model.snapshots.get(k), snapshotPrefix(k + 1), to);
            }
            model.classifier.write(to, "");
        }
        Set<String> beside = new TreeSet<>(to.names());
        beside.removeAll(ofNetwork);
        if (beside.isEmpty()) {
            to.metadata(CLASSIFIER, Classifiers.head().name());
        } else {
            to.metadata(CLASSIFIER, model.type.name());
            to.metadata(NOTE, model.type.howToRead());
            to.metadata(BESIDE, String.join("\n", beside));
        }
        return to;
    }

    private static int size(SequencedMap<String, String> options, String name) {
        String text = options.getOrDefault(name, "0");
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("its option " + name + " is " + text + ", expected a number", e);
        }
    }

    private static void describe(
            SequencedMap<String, String> options, Shape image, Normalisation pixels, SafetensorsWriter to) {
        to.metadata(
                RECIPE,
                options.entrySet().stream()
                        .filter(option -> !PLACES.contains(option.getKey()))
                        .map(option -> option.getKey() + " = " + option.getValue())
                        .collect(Collectors.joining("\n")));
        to.metadata("network", options.getOrDefault("network", ""));
        to.metadata(CHANNELS, Integer.toString(image.extent(0)));
        to.metadata(HEIGHT, Integer.toString(image.extent(1)));
        to.metadata(WIDTH, Integer.toString(image.extent(2)));
        to.metadata(MEAN, Arrays.toString(pixels.mean()));
        to.metadata(DEVIATION, Arrays.toString(pixels.deviation()));
        int resize = size(options, "image-size");
        boolean cropped = size(options, "image-crop") != 0;
        int white = Source.all().stream()
                .filter(source -> source.name().equals(options.get("data")))
                .mapToInt(Source::white)
                .findFirst()
                .orElse(255);
        to.metadata(RESIZE, Integer.toString(resize));
        to.metadata(CROPPED, Boolean.toString(cropped));
        to.metadata(WHITE, Integer.toString(white));
        if (image.extent(0) == 1 || image.extent(0) == 3) {
            to.metadata(
                    "preparation",
                    new Preparation(image.extent(0), image.extent(1), image.extent(2), resize, cropped, white)
                            .sentence());
        }
    }

    private static String snapshotPrefix(int number) {
        return "snapshot." + number + ".";
    }

    /**
     * The classes that it tells apart.
     *
     * @return names in the order of the scores
     */
    public List<String> classes() {
        return classes;
    }

    /**
     * How files become the images that it classifies.
     *
     * @return the rule of its run
     */
    public Preparation preparation() {
        return preparation;
    }

    /**
     * Classifies images.
     *
     * @param images of the network's size, at least one, with pixels as files have them after preparation
     * @return [images][classes] shares of 1: the softmax of the classifier's scores, times the temperature where they
     *     are calibrated; the largest is the class
     */
    public double[][] probabilities(Images images) {
        int[] all = IntStream.range(0, images.size()).toArray();
        try (Inference inference = new Inference(engine, images.normalisedBy(pixels))) {
            return Arrays.stream(classifier.scores(models, inference, all))
                    .map(this::softmax)
                    .toArray(double[][]::new);
        }
    }

    /** A class that the classifier never met has no score. */
    private double[] softmax(double[] scores) {
        if (scores.length > classes.size()) {
            throw damaged(file, CLASSES, classes.size() + " for " + scores.length + " scores");
        }
        double best = Arrays.stream(scores).max().orElseThrow();
        double[] shares = new double[classes.size()];
        double sum = 0;
        for (int c = 0; c < scores.length; c++) {
            shares[c] = Math.exp(temperature * (scores[c] - best));
            sum += shares[c];
        }
        for (int c = 0; c < scores.length; c++) {
            shares[c] /= sum;
        }
        return shares;
    }

    @Override
    public void close() {
        models.close();
    }
}
