package dev.palimpsest.checkpoint;

import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A run in the midst of an experience, as one safetensors file beside the {@link Checkpoint} of the experience before:
 * what the steps of this experience changed since it began.
 *
 * <pre>
 *   network.NAME    the present weights, norms, heads and running statistics, float32
 *   optimiser.*     its state, with the steps of every parameter
 *   method.*        what steps changed of what the method keeps
 * </pre>
 *
 * The file has checksums, and one without them is refused, as is one of another version. The header's metadata has the
 * {@link Place}.
 */
public final class Position {
    private static final String FORMAT = "palimpsest_position";
    private static final String VERSION = "1";
    private static final String PLACE = "place";
    private static final String NETWORK = "network.";

    private final Safetensors file;
    private final Place place;

    /**
     * What comes next.
     *
     * @param experience that is learnt, from 0
     * @param phase of the experience, from 0
     * @param epoch of the phase, from 0
     * @param batch of the epoch, from 0; as many as the epoch has where its last is done
     * @param step of the experience, from 0
     * @param epochs that are done in all phases and experiences
     */
    public record Place(int experience, int phase, int epoch, int batch, int step, int epochs) {
        private static final int NUMBERS = 6;

        private String text() {
            return IntStream.of(experience, phase, epoch, batch, step, epochs)
                    .mapToObj(Integer::toString)
                    .collect(Collectors.joining(","));
        }

        private static Place parse(String text) {
            int[] numbers;
            try {
                numbers = Arrays.stream(text.split(",", -1))
                        .mapToInt(Integer::parseUnsignedInt)
                        .toArray();
            } catch (NumberFormatException _) {
                numbers = new int[0];
            }
            if (numbers.length != NUMBERS || Arrays.stream(numbers).anyMatch(number -> number < 0)) {
                throw new IllegalArgumentException(
                        "its " + PLACE + " is " + text + ", expected " + NUMBERS + " whole numbers");
            }
            return new Place(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
        }
    }

    private Position(Safetensors file, Place place) {
        this.file = file;
        this.place = place;
    }

    /**
     * The file's content without what is the method's and the optimiser's, to be written before training goes on.
     *
     * @param place of the run
     * @param network as it is now
     * @return what is to be written
     */
    public static SafetensorsWriter write(Place place, Network network) {
        SafetensorsWriter to = new SafetensorsWriter();
        to.metadata(FORMAT, VERSION);
        to.metadata(PLACE, place.text());
        new NetworkTensors(network).write(to, NETWORK);
        return to;
    }

    /**
     * Reads a position.
     *
     * @param path of the file
     * @return the position
     * @throws IOException with a sentence, if the file cannot be read, is damaged or none of this version
     */
    public static Position read(Path path) throws IOException {
        Safetensors file = Safetensors.read(path).checked();
        String version = file.metadata().get(FORMAT);
        if (!VERSION.equals(version)) {
            throw new IOException(path + " is not a run inside an experience: expected " + FORMAT + " " + VERSION
                    + " in its header, found " + (version == null ? "none" : version) + "; remove the file");
        }
        try {
            return new Position(file, Place.parse(file.metadata().getOrDefault(PLACE, "")));
        } catch (IllegalArgumentException e) {
            throw new IOException(path + " is damaged: " + e.getMessage() + "; remove the file", e);
        }
    }

    /**
     * Where training goes on.
     *
     * @return what comes next
     */
    public Place place() {
        return place;
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
     * Puts the weights into a network.
     *
     * @param network that has grown for the experience
     * @throws IllegalArgumentException if a tensor is missing or does not fit the network; it is unchanged
     */
    public void load(Network network) {
        new NetworkTensors(network).load(file, NETWORK);
    }
}
