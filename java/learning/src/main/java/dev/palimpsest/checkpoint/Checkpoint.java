package dev.palimpsest.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * A run between two experiences, as one safetensors file. Every optimiser starts afresh with its phase, and every
 * random number is a function of seed, epoch and image, so this is all that decides how the run goes on:
 *
 * <pre>
 *   network.NAME                   the present weights, norms, heads and running statistics, float32
 *   owners.NAME                    bit planes, where weights have owners
 *   snapshot.S.NAME                norms, heads and statistics of snapshot S; all of it in full copies
 *   classifier.E.*                 what the classifier after experience E keeps: class means, another head
 *   exemplars.C                    kept training images of class C, by their number in the data set
 *   normalisation.mean, .deviation of a pixel, by channel
 *   right.*, memory.*              what has been measured
 * </pre>
 *
 * The header's metadata has every option as {@code option.NAME}, the classes in the order of arrival, how many of them
 * were seen after each experience, and the number of epochs.
 */
public final class Checkpoint {
    private static final String FORMAT = "palimpsest_checkpoint";
    private static final String VERSION = "2";
    private static final String OPTION = "option.";
    private static final String CLASSES = "classes";
    private static final String CLASS_ENDS = "class_ends";
    private static final String IMAGE = "image";
    private static final String EPOCHS = "epochs";
    private static final String ENSEMBLE = "ensemble";
    private static final String NETWORK = "network.";
    private static final String EXEMPLARS = "exemplars.";
    private static final String MEAN = "normalisation.mean";
    private static final String DEVIATION = "normalisation.deviation";
    private static final String BYTES = "memory.bytes";
    private static final String BITS = "memory.bits_per_weight";

    private final Safetensors file;

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
            List<Snapshots.Memory> memory) {}

    private Checkpoint(Safetensors file) {
        this.file = file;
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
        for (Parameter parameter : state.network().parameters()) {
            to.add(NETWORK + parameter.name(), parameter.shape(), parameter.toArray());
        }
        for (Buffer buffer : state.network().buffers()) {
            to.add(NETWORK + buffer.name(), buffer.shape(), buffer.read().toArray(JAVA_FLOAT));
        }
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
        Safetensors file = Safetensors.read(path);
        String version = file.metadata().get(FORMAT);
        if (!VERSION.equals(version)) {
            throw new IOException(path + " is not a checkpoint of a run"
                    + (version == null ? "" : " of this version of Palimpsest") + ": expected " + FORMAT + " " + VERSION
                    + " in its header, found " + (version == null ? "none" : version));
        }
        return new Checkpoint(file);
    }

    /**
     * Every option of the run.
     *
     * @return texts by name
     */
    public SequencedMap<String, String> options() {
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        file.metadata().forEach((key, text) -> {
            if (key.startsWith(OPTION)) {
                texts.put(key.substring(OPTION.length()), text);
            }
        });
        return texts;
    }

    /**
     * Classes of the whole stream.
     *
     * @return names in the order of arrival
     */
    public List<String> classes() {
        return metadata(CLASSES).lines().toList();
    }

    private String metadata(String key) {
        String text = file.metadata().get(key);
        if (text == null) {
            throw new IllegalArgumentException(file.source() + " is not a run's checkpoint: its metadata lack " + key);
        }
        return text;
    }

    /** The classes that came new with each experience that is done. */
    List<ClassRange> ranges() {
        List<ClassRange> ranges = new ArrayList<>();
        int begin = 0;
        for (String end : metadata(CLASS_ENDS).split(",", -1)) {
            ranges.add(new ClassRange(begin, Integer.parseInt(end)));
            begin = Integer.parseInt(end);
        }
        return ranges;
    }

    /**
     * How many classes the network distinguishes; those that are not seen yet among them, where its head has them from
     * the start.
     */
    int classes(Network network) {
        return file.shape(NETWORK + network.classifier().bias().name()).extent(0);
    }

    /**
     * Shape of an image.
     *
     * @return channels, height and width
     */
    public Shape image() {
        return Shape.of(Arrays.stream(metadata(IMAGE).split(",", -1))
                .mapToInt(Integer::parseInt)
                .toArray());
    }

    Normalisation normalisation() {
        return new Normalisation(file.doubles(MEAN), file.doubles(DEVIATION));
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
        return Integer.parseInt(metadata(EPOCHS));
    }

    /**
     * Experiences that are done.
     *
     * @return how many
     */
    public int experiences() {
        return AccuracyRecorder.experiences(file);
    }

    /**
     * The classifier after an experience.
     *
     * @param experience counted from 0
     * @return as the run evaluated it
     */
    public Classifier classifier(int experience) {
        SequencedMap<String, String> options = options();
        ClassifierType type = Classifiers.named(
                        Objects.requireNonNull(options.get("classifier"), "every run records it"))
                .create(options);
        return type.read(file, classifierPrefix(experience));
    }

    /**
     * Earlier models.
     *
     * @param network that {@link #load} filled
     * @return empty where none were kept; the caller closes them
     */
    public Optional<Snapshots> snapshots(Network network) {
        return Snapshots.read(file, network.parameters());
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
     */
    public void count(AccuracyRecorder to) {
        to.read(file);
    }

    /**
     * Puts the weights into a network.
     *
     * @param network that has grown as far as the one that was saved
     */
    public void load(Network network) {
        for (Parameter parameter : network.parameters()) {
            parameter.set(file.floats(NETWORK + parameter.name()));
        }
        for (Buffer buffer : network.buffers()) {
            buffer.update().copyFrom(MemorySegment.ofArray(file.floats(NETWORK + buffer.name())));
        }
    }
}
