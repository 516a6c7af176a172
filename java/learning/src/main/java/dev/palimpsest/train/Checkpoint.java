package dev.palimpsest.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Stream;
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
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A run between two experiences, as one safetensors file. Every optimiser starts afresh with its phase, and every
 * random number is a function of seed, epoch and image, so this is all that decides how the run goes on:
 *
 * <pre>
 *   network.NAME                   the present weights, norms, heads and running statistics, float32
 *   owners.NAME                    bit planes, where weights have owners
 *   snapshot.S.NAME                norms, heads and statistics of snapshot S, or all of it where snapshots are full copies
 *   classifier.E.nearest_mean      class means after experience E, or
 *   classifier.E.linear_head       another head than the network's own, where one of them classifies
 *   exemplars.C                    kept training images of class C, by their number in the data set
 *   normalisation.mean, .deviation of a pixel, by channel
 *   right.*, memory.*              what has been measured
 * </pre>
 *
 * The header's metadata has the recipe's options as {@code option.NAME}, the classes in the order of arrival, how many
 * of them were seen after each experience, and the number of epochs.
 */
final class Checkpoint {
    private static final String FORMAT = "palimpsest_checkpoint";
    private static final String VERSION = "1";
    private static final String OPTION = "option.";
    private static final String CLASSES = "classes";
    private static final String CLASS_ENDS = "class_ends";
    private static final String IMAGE = "image";
    private static final String EPOCHS = "epochs";
    private static final String NETWORK = "network.";
    private static final String MEAN = "normalisation.mean";
    private static final String DEVIATION = "normalisation.deviation";

    private final Safetensors file;

    private Checkpoint(Safetensors file) {
        this.file = file;
    }

    /** @param epochs trained so far */
    static SafetensorsWriter write(
            Recipe recipe,
            Network network,
            Method method,
            Stream stream,
            Exemplars exemplars,
            int epochs,
            Findings findings) {
        Dataset dataset = stream.dataset();
        SafetensorsWriter to = new SafetensorsWriter();
        to.metadata(FORMAT, VERSION);
        recipe.toMap().forEach((name, text) -> to.metadata(OPTION + name, text));
        to.metadata(CLASSES, String.join("\n", stream.classNames()));
        to.metadata(
                CLASS_ENDS,
                stream.experiences().stream()
                        .limit(findings.experiences())
                        .map(experience -> Integer.toString(experience.classes().end()))
                        .collect(Collectors.joining(",")));
        to.metadata(IMAGE, dataset.channels() + "," + dataset.height() + "," + dataset.width());
        to.metadata(EPOCHS, Integer.toString(epochs));
        network.parameters()
                .forEach(parameter -> to.add(NETWORK + parameter.name(), parameter.shape(), parameter.toArray()));
        network.buffers()
                .forEach(buffer -> to.add(
                        NETWORK + buffer.name(), buffer.shape(), buffer.read().toArray(JAVA_FLOAT)));
        method.save(to);
        exemplars.write(to);
        double[] mean = dataset.train().normalisation().mean();
        to.add(MEAN, Shape.of(mean.length), mean);
        to.add(DEVIATION, Shape.of(mean.length), dataset.train().normalisation().deviation());
        findings.write(to);
        return to;
    }

    /** @throws IOException with a sentence, if the file cannot be read or is no checkpoint */
    static Checkpoint read(Path path) throws IOException {
        Safetensors file = Safetensors.read(path);
        String version = file.metadata().get(FORMAT);
        if (!VERSION.equals(version)) {
            throw new IOException(path + " is not a checkpoint of a run"
                    + (version == null ? "" : " of this version of Palimpsest") + ": expected " + FORMAT + " " + VERSION
                    + " in its header, found " + (version == null ? "none" : version));
        }
        return new Checkpoint(file);
    }

    Safetensors file() {
        return file;
    }

    Recipe recipe() {
        Map<String, String> texts = new LinkedHashMap<>();
        file.metadata().forEach((key, text) -> {
            if (key.startsWith(OPTION)) {
                texts.put(key.substring(OPTION.length()), text);
            }
        });
        return Recipe.of(texts);
    }

    /** Of the whole stream, in the order of arrival. */
    List<String> classes() {
        return file.metadata().get(CLASSES).lines().toList();
    }

    /** The classes that came new with each experience that is done. */
    List<ClassRange> ranges() {
        List<ClassRange> ranges = new ArrayList<>();
        int begin = 0;
        for (String end : file.metadata().get(CLASS_ENDS).split(",")) {
            ranges.add(new ClassRange(begin, Integer.parseInt(end)));
            begin = Integer.parseInt(end);
        }
        return ranges;
    }

    /**
     * How many classes the network tells apart; those that are not seen yet among them, where its head has them from
     * the start.
     */
    int classes(Network network) {
        return file.shape(NETWORK + network.classifier().bias().name()).extent(0);
    }

    /** Channels, height and width. */
    Shape image() {
        return Shape.of(Arrays.stream(file.metadata().get(IMAGE).split(","))
                .mapToInt(Integer::parseInt)
                .toArray());
    }

    double[] mean() {
        return file.doubles(MEAN);
    }

    double[] deviation() {
        return file.doubles(DEVIATION);
    }

    int epochs() {
        return Integer.parseInt(file.metadata().get(EPOCHS));
    }

    /** Experiences that are done. */
    int experiences() {
        return Findings.count(file);
    }

    /** Puts the weights into a network that has grown as far as the one that was saved. */
    void load(Network network) {
        for (Parameter parameter : network.parameters()) {
            parameter.set(file.floats(NETWORK + parameter.name()));
        }
        for (Buffer buffer : network.buffers()) {
            buffer.update().copyFrom(MemorySegment.ofArray(file.floats(NETWORK + buffer.name())));
        }
    }
}
