package dev.palimpsest.checkpoint;

import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * A run between two experiences, as one safetensors file. Every random number is a function of seed, epoch and image,
 * or its generator is the method's to keep, so this is all that decides how the run goes on:
 *
 * <pre>
 *   network.NAME                   the present weights, norms, heads and running statistics, float32
 *   owners.NAME                    bit planes, where weights have owners
 *   snapshot.S.NAME                norms, heads and statistics of snapshot S; all of it in full copies
 *   classifier.E.*                 what the classifier after experience E keeps: class means, another head
 *   exemplars.C                    kept training images of class C, by their number in the data set
 *   normalisation.mean, .deviation of a pixel, by channel
 *   right.*, memory.*              what has been measured
 *   method.*                       what the method keeps besides
 *   optimiser.*                    its state, where it stays from one phase to the next
 * </pre>
 *
 * The file has checksums ({@link Safetensors}), and one without them is refused, as is one of another version. The
 * header's metadata has every option as {@code option.NAME}, the classes in the order of arrival, how many of them
 * were seen after each experience, and the number of epochs.
 */
public final class Checkpoint {
    private static final String FORMAT = "palimpsest_checkpoint";
    private static final String VERSION = "3";
    private static final String OPTION = "option.";
    private static final String CLASSES = "classes";
    private static final String CLASS_ENDS = "class_ends";
    private static final String IMAGE = "image";
    private static final String EPOCHS = "epochs";
    private static final String ENSEMBLE = "ensemble";
    private static final String TEMPERATURE = "temperature";
    private static final String NETWORK = "network.";
    private static final String EXEMPLARS = "exemplars.";
    private static final String MEAN = "normalisation.mean";
    private static final String DEVIATION = "normalisation.deviation";
    private static final String BYTES = "memory.bytes";
    private static final String BITS = "memory.bits_per_weight";

    private final Safetensors file;
    private final SequencedMap<String, String> options;
    private final List<String> classes;
    private final List<ClassRange> ranges;
    private final Shape image;
    private final Normalisation normalisation;
    private final int epochs;
    private final int experiences;

    /**
     * All that is written.
     *
     * @param options every option of the run, by name
     * @param classNames of the whole stream, in the order of arrival
     * @param classEnds how many classes were seen after each experience that is done
     * @param image channels, height, width
     * @param normalisation of the run's images
     * @param epochs trained so far
     * @param ensemble whether more networks classified than are kept
     * @param network as it is now
     * @param snapshots earlier models, where they are kept
     * @param exemplars indices of kept images, by class
     * @param classifiers one for each experience that is done
     * @param accuracy counts of all experiences that are done
     * @param memory what snapshots took after each experience; empty where there are none
     * @param temperature that calibrates the last classifier's scores; empty where it is not known
     */
    public record State(
            SequencedMap<String, String> options,
            List<String> classNames,
            List<Integer> classEnds,
            Shape image,
            Normalisation normalisation,
            int epochs,
            boolean ensemble,
            Network network,
            Optional<Snapshots> snapshots,
            List<int[]> exemplars,
            List<Classifier> classifiers,
            AccuracyRecorder accuracy,
            List<Snapshots.Memory> memory,
            OptionalDouble temperature) {}

    private Checkpoint(Safetensors file) {
        this.file = file;
        options = new LinkedHashMap<>();
        file.metadata().forEach((key, text) -> {
            if (key.startsWith(OPTION)) {
                options.put(key.substring(OPTION.length()), text);
            }
        });
        classes = metadata(CLASSES).lines().toList();
        ranges = new ArrayList<>();
        for (int end : numbers(CLASS_ENDS)) {
            ranges.add(new ClassRange(ranges.isEmpty() ? 0 : ranges.getLast().end(), end));
        }
        require(ranges.getLast().end() <= classes.size(), CLASS_ENDS, "at most " + classes.size());
        image = Shape.of(numbers(IMAGE));
        require(image.rank() == 3 && image.elements() > 0, IMAGE, "channels, height and width");
        epochs = numbers(EPOCHS)[0];
        require(epochs >= 0, EPOCHS, "0 or more");
        normalisation = new Normalisation(file.doubles(MEAN), file.doubles(DEVIATION));
        if (normalisation.mean().length != image.extent(0)) {
            throw new IllegalArgumentException("images of " + image + " are normalised by "
                    + normalisation.mean().length + " means, expected one for each channel");
        }
        experiences = AccuracyRecorder.experiences(file);
        if (experiences != ranges.size()) {
            throw new IllegalArgumentException(
                    "it has accuracies of " + experiences + " experiences and classes of " + ranges.size());
        }
    }

    private int[] numbers(String key) {
        try {
            return Arrays.stream(metadata(key).split(",", -1))
                    .mapToInt(Integer::parseInt)
                    .toArray();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(expected(key, "whole numbers"), e);
        }
    }

    private void require(boolean condition, String key, String expected) {
        if (!condition) {
            throw new IllegalArgumentException(expected(key, expected));
        }
    }

    private String expected(String key, String expected) {
        return "its " + key + " are " + metadata(key) + ", expected " + expected;
    }

    /**
     * The file's content, to be written before training goes on.
     *
     * @param state of the run
     * @return what is to be written
     */
    public static SafetensorsWriter write(State state) {
        SafetensorsWriter to = new SafetensorsWriter();
        to.metadata(FORMAT, VERSION);
        state.options().forEach((name, text) -> to.metadata(OPTION + name, text));
        to.metadata(CLASSES, String.join("\n", state.classNames()));
        to.metadata(CLASS_ENDS, state.classEnds().stream().map(String::valueOf).collect(Collectors.joining(",")));
        to.metadata(
                IMAGE,
                Arrays.stream(state.image().extents()).mapToObj(String::valueOf).collect(Collectors.joining(",")));
        to.metadata(EPOCHS, Integer.toString(state.epochs()));
        to.metadata(ENSEMBLE, Boolean.toString(state.ensemble()));
        state.temperature().ifPresent(value -> to.metadata(TEMPERATURE, Double.toString(value)));
        new NetworkTensors(state.network()).write(to, NETWORK);
        state.snapshots().ifPresent(snapshots -> snapshots.write(to));
        for (int c = 0; c < state.exemplars().size(); c++) {
            int[] own = state.exemplars().get(c);
            to.add(EXEMPLARS + c, Shape.of(own.length), own);
        }
        double[] mean = state.normalisation().mean();
        to.add(MEAN, Shape.of(mean.length), mean);
        to.add(DEVIATION, Shape.of(mean.length), state.normalisation().deviation());
        state.accuracy().write(to);
        writeMemory(state.memory(), to);
        for (int e = 0; e < state.classifiers().size(); e++) {
            state.classifiers().get(e).write(to, classifierPrefix(e));
        }
        return to;
    }

    private static void writeMemory(List<Snapshots.Memory> memory, SafetensorsWriter to) {
        to.add(
                BYTES,
                Shape.of(memory.size(), 2),
                memory.stream()
                        .flatMapToLong(m -> Arrays.stream(new long[] {m.snapshotBytes(), m.fullCopiesBytes()}))
                        .toArray());
        to.add(
                BITS,
                Shape.of(memory.size()),
                memory.stream().mapToDouble(Snapshots.Memory::bitsPerWeight).toArray());
    }

    private static String classifierPrefix(int experience) {
        return "classifier." + experience + ".";
    }

    /**
     * Reads a checkpoint.
     *
     * @param path of the file
     * @return the checkpoint
     * @throws IOException with a sentence, if the file cannot be read or is no checkpoint
     */
    public static Checkpoint read(Path path) throws IOException {
        return of(Safetensors.read(path));
    }

    /**
     * Whether a file is a checkpoint.
     *
     * @param file any
     * @return whether {@link #of} takes it, unless it is of another version or damaged
     */
    public static boolean is(Safetensors file) {
        return file.metadata().containsKey(FORMAT);
    }

    /**
     * The same for a file that has been read.
     *
     * @param file of a run
     * @return the checkpoint
     * @throws IOException with a sentence, if the file is no checkpoint
     */
    public static Checkpoint of(Safetensors file) throws IOException {
        String version = file.metadata().get(FORMAT);
        if (!VERSION.equals(version)) {
            throw new IOException(file.source() + " is not a checkpoint of a run"
                    + (version == null ? "" : " of this version of Palimpsest") + ": expected " + FORMAT + " " + VERSION
                    + " in its header, found "
                    + (version == null
                            ? "none; give the checkpoint of a run"
                            : version + "; evaluate it with the version that trained it, or train again"));
        }
        try {
            return new Checkpoint(file.checked());
        } catch (IllegalArgumentException e) {
            throw damaged(file.source(), e);
        }
    }

    private static IOException damaged(String path, RuntimeException why) {
        String found = String.valueOf(why.getMessage());
        return new IOException(
                path + " is damaged: " + (found.startsWith(path + ": ") ? found.substring(path.length() + 2) : found)
                        + "; restore the file from a copy, or train again",
                why);
    }

    /**
     * What the file holds does not fit together, though it is what was written.
     *
     * @param why found where it was used
     * @return a sentence
     */
    IOException damaged(RuntimeException why) {
        return damaged(file.source(), why);
    }

    /**
     * The tensors that are others' to read.
     *
     * @return the whole file
     */
    public Safetensors file() {
        return file;
    }

    /**
     * Every option of the run.
     *
     * @return texts by name
     */
    public SequencedMap<String, String> options() {
        return Collections.unmodifiableSequencedMap(options);
    }

    /**
     * Classes of the whole stream.
     *
     * @return names in the order of arrival
     */
    public List<String> classes() {
        return classes;
    }

    private String metadata(String key) {
        String text = file.metadata().get(key);
        if (text == null) {
            throw new IllegalArgumentException("its metadata lack " + key);
        }
        return text;
    }

    /** The classes that came new with each experience that is done. */
    List<ClassRange> ranges() {
        return List.copyOf(ranges);
    }

    /** Bytes of all tensors of the network. */
    long networkBytes() {
        return file.names().tailSet(NETWORK).stream()
                .takeWhile(name -> name.startsWith(NETWORK))
                .mapToLong(name -> file.tensor(name).data().byteSize())
                .sum();
    }

    /**
     * How many classes the network distinguishes; those that are not seen yet among them, where its head has them from
     * the start.
     */
    int classes(Network network) {
        Shape bias = file.shape(NETWORK + network.classifier().bias().name());
        if (bias.rank() != 1 || bias.extent(0) < ranges.getLast().end()) {
            throw new IllegalArgumentException("its classifier has biases of " + bias + ", expected at least "
                    + ranges.getLast().end());
        }
        return bias.extent(0);
    }

    /**
     * What calibrates the probabilities of the latest model.
     *
     * @return τ of softmax(τ·score), above 0; empty where training went on or no image was held out
     * @throws IllegalArgumentException with a sentence, if it is no such number
     */
    OptionalDouble temperature() {
        String text = file.metadata().get(TEMPERATURE);
        if (text == null) {
            return OptionalDouble.empty();
        }
        double value;
        try {
            value = Double.parseDouble(text);
        } catch (NumberFormatException _) {
            value = Double.NaN;
        }
        require(value > 0 && Double.isFinite(value), TEMPERATURE, "a number above 0");
        return OptionalDouble.of(value);
    }

    /**
     * Shape of an image.
     *
     * @return channels, height and width
     */
    public Shape image() {
        return image;
    }

    Normalisation normalisation() {
        return normalisation;
    }

    /**
     * Whether more networks classified than the file has.
     *
     * @return true for ensembles
     */
    public boolean ensemble() {
        return Boolean.parseBoolean(file.metadata().get(ENSEMBLE));
    }

    /**
     * Epochs trained.
     *
     * @return over all experiences
     */
    public int epochs() {
        return epochs;
    }

    /**
     * Experiences that are done.
     *
     * @return how many
     */
    public int experiences() {
        return experiences;
    }

    /**
     * The classifier after an experience.
     *
     * @param experience counted from 0
     * @return as the run evaluated it
     * @throws IOException with a sentence, if the file does not hold it
     */
    public Classifier classifier(int experience) throws IOException {
        try {
            return classifierType().read(file, classifierPrefix(experience));
        } catch (IllegalArgumentException e) {
            throw damaged(e);
        }
    }

    /**
     * What made the classifiers.
     *
     * @throws IOException with a sentence, if the file does not say
     */
    ClassifierType classifierType() throws IOException {
        String name = options.get("classifier");
        if (name == null) {
            throw damaged(new IllegalArgumentException("its metadata lack " + OPTION + "classifier"));
        }
        try {
            return Classifiers.named(name).createFrom(options);
        } catch (IllegalArgumentException e) {
            throw damaged(e);
        }
    }

    /**
     * Earlier models.
     *
     * @param network that {@link #load} filled
     * @return empty where none were kept; the caller closes them
     * @throws IllegalArgumentException if the file's do not fit the network
     */
    public Optional<Snapshots> snapshots(Network network) {
        return Snapshots.read(file, network.parameters(), network.buffers());
    }

    /**
     * Kept training images.
     *
     * @return by class, their numbers in the data set
     */
    public List<int[]> exemplars() {
        List<int[]> byClass = new ArrayList<>();
        while (file.contains(EXEMPLARS + byClass.size())) {
            byClass.add(file.ints(EXEMPLARS + byClass.size()));
        }
        return byClass;
    }

    /**
     * What snapshots took after each experience.
     *
     * @return empty where there are none
     */
    public List<Snapshots.Memory> memory() {
        long[] bytes = file.longs(BYTES);
        double[] bits = file.doubles(BITS);
        List<Snapshots.Memory> memory = new ArrayList<>();
        for (int e = 0; e < bits.length; e++) {
            memory.add(new Snapshots.Memory(bytes[2 * e], bytes[2 * e + 1], bits[e]));
        }
        return memory;
    }

    /**
     * Adds what had been counted.
     *
     * @param to a recorder without experiences
     * @param first how many experiences
     */
    public void count(AccuracyRecorder to, int first) {
        to.read(file, first);
    }

    /**
     * Puts the weights into a network.
     *
     * @param network that has grown as far as the one that was saved
     * @throws IllegalArgumentException if a tensor is missing or superfluous, or does not fit the network; it is
     *     unchanged
     */
    public void load(Network network) {
        NetworkTensors tensors = new NetworkTensors(network);
        file.names().tailSet(NETWORK).stream()
                .takeWhile(name -> name.startsWith(NETWORK))
                .filter(name -> !tensors.shapes().containsKey(name.substring(NETWORK.length())))
                .findFirst()
                .ifPresent(name -> {
                    throw new IllegalArgumentException("its tensor " + name + " is none of the run's network");
                });
        tensors.load(file, NETWORK);
    }
}
