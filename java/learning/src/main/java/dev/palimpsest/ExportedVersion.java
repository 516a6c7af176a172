package dev.palimpsest;

import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.internal.Reason;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The model of a file that {@link Version#export} wrote: it classifies as that version does, bit for bit, and learns
 * nothing. Any number of threads may classify; close it to free the memory.
 */
public final class ExportedVersion implements AutoCloseable {
    private static final String FORMAT = "palimpsest_continual_classifier";
    private static final String VERSION = "1";
    private static final String CLASSES = "classes";
    private static final String NETWORK = "network";
    private static final String INPUT = "input";
    private static final String GRID = "grid";
    private static final String MEAN = "pixel_mean";
    private static final String DEVIATION = "pixel_deviation";
    private static final String SHARED_CLASSES = "shared_classes";
    private static final String TEMPERATURE = "temperature";
    private static final String FARTHEST = "farthest";

    private final Safetensors file;
    private final Setup setup;
    private final List<String> classNames;
    private final Optional<Normalisation> pixels;
    private final Manifest.Calibrated calibration;
    private final Knowledge knowledge;
    private final List<String> snapshots;
    private final SnapshotReader reader;

    /**
     * The model of a file.
     *
     * @param file that {@link Version#export} wrote
     * @throws IOException with a sentence, if it is of another kind or damaged
     */
    public ExportedVersion(Safetensors file) throws IOException {
        this.file = file.checked();
        if (!is(file)) {
            throw new IOException(file.source() + " is no exported model that keeps learning: expected " + FORMAT + " "
                    + VERSION + " in its header; give a file that Version.export wrote");
        }
        classNames = text(CLASSES).lines().toList();
        try {
            require(!classNames.isEmpty(), CLASSES, "a name in each line");
            setup = new Setup(
                    Shape.of(wholeNumbers(INPUT)),
                    network(),
                    1,
                    file.metadata().containsKey(GRID) ? wholeNumbers(GRID)[0] : 1,
                    0,
                    0,
                    Augmentation.NONE,
                    Optional.empty(),
                    wholeNumbers(SHARED_CLASSES)[0],
                    0,
                    0);
            boolean images = setup.network() != Setup.Network.NONE;
            pixels = images ? Optional.of(new Normalisation(numbers(MEAN), numbers(DEVIATION))) : Optional.empty();
            int channels = setup.input().extent(0);
            int means = pixels.map(normalisation -> normalisation.mean().length).orElse(channels);
            require(means == channels, MEAN, "a number for each of " + channels + " channels");
            calibration =
                    new Manifest.Calibrated(numbers(TEMPERATURE)[0], numbers(FARTHEST)[0], OptionalDouble.empty());
            double temperature = calibration.temperature();
            require(temperature > 0 && Double.isFinite(temperature), TEMPERATURE, "a number above 0");
            require(!Double.isNaN(calibration.farthest()), FARTHEST, "a number");
        } catch (IllegalArgumentException e) {
            throw damaged(e);
        }
        knowledge = Knowledge.exported(setup, classNames, file);
        snapshots = IntStream.rangeClosed(1, pixels.isPresent() ? knowledge.networks() : 0)
                .mapToObj(ExportedVersion::snapshotPrefix)
                .toList();
        reader = new SnapshotReader(setup, this::snapshot, Runtime.getRuntime().availableProcessors());
    }

    /**
     * Whether a file is of this kind.
     *
     * @param file any
     * @return whether the constructor takes it, unless it is damaged
     */
    public static boolean is(Safetensors file) {
        return VERSION.equals(file.metadata().get(FORMAT));
    }

    static String snapshotPrefix(int number) {
        return "snapshot." + number + ".";
    }

    /** Adds all metadata. */
    static void describe(
            Setup setup,
            List<String> classNames,
            Optional<Normalisation> pixels,
            Manifest.Calibrated calibration,
            SafetensorsWriter to) {
        to.metadata("format", "pt"); // libraries of PyTorch's world look for it
        to.metadata(FORMAT, VERSION);
        to.metadata(CLASSES, String.join("\n", classNames));
        to.metadata(NETWORK, setup.network().name());
        to.metadata(INPUT, Arrays.toString(setup.input().extents()));
        to.metadata(GRID, Integer.toString(setup.grid()));
        pixels.ifPresent(normalisation -> {
            to.metadata(MEAN, Arrays.toString(normalisation.mean()));
            to.metadata(DEVIATION, Arrays.toString(normalisation.deviation()));
            preparation(setup.input()).ifPresent(rule -> to.metadata("preparation", rule.sentence()));
        });
        to.metadata(
                "classifier",
                "probabilities = softmax(-temperature * distance), unknown beyond farthest;"
                        + " GaussianClasses of Palimpsest has the distance");
        to.metadata("shared_covariance", Double.toString(Knowledge.BETA));
        to.metadata(SHARED_CLASSES, Integer.toString(setup.sharedClasses()));
        to.metadata(TEMPERATURE, Double.toString(calibration.temperature()));
        to.metadata(FARTHEST, Double.toString(calibration.farthest()));
    }

    /** Files have one channel or three. */
    static Optional<Preparation> preparation(Shape input) {
        return input.extent(0) == 1 || input.extent(0) == 3
                ? Optional.of(new Preparation(input.extent(0), input.extent(1), input.extent(2), 0, false, 255))
                : Optional.empty();
    }

    private String text(String key) throws IOException {
        String text = file.metadata().get(key);
        if (text == null) {
            throw new IOException(file.source() + " lacks " + key + " in its metadata: export the model again");
        }
        return text;
    }

    private void require(boolean condition, String key, String expected) throws IOException {
        if (!condition) {
            throw unexpected(key, expected);
        }
    }

    private IllegalArgumentException unexpected(String key, String expected) throws IOException {
        return new IllegalArgumentException(
                "its metadata have " + key + " " + Reason.brief(text(key)) + ", expected " + expected);
    }

    private Setup.Network network() throws IOException {
        Optional<Setup.Network> named = Fields.named(text(NETWORK), Setup.Network.class);
        require(named.isPresent(), NETWORK, Fields.oneOf(Setup.Network.class));
        return named.orElseThrow();
    }

    private double[] numbers(String key) throws IOException {
        try {
            return values(key).mapToDouble(Double::parseDouble).toArray();
        } catch (NumberFormatException _) {
            throw unexpected(key, "numbers");
        }
    }

    private int[] wholeNumbers(String key) throws IOException {
        try {
            return values(key).mapToInt(Integer::parseInt).toArray();
        } catch (NumberFormatException _) {
            throw unexpected(key, "whole numbers");
        }
    }

    /** Numbers as {@link Arrays#toString(int[])} writes them, or a single one. */
    private Stream<String> values(String key) throws IOException {
        return Stream.of(text(key).replaceAll("[\\[\\] ]", "").split(",", -1));
    }

    private IOException damaged(IllegalArgumentException why) {
        return new IOException(file.source() + " is damaged: " + why.getMessage() + "; export the model again", why);
    }

    /** The tensors of one snapshot under their own names. */
    private Safetensors snapshot(String prefix) throws IOException {
        SafetensorsWriter own = new SafetensorsWriter();
        for (String name : file.names()) {
            if (name.startsWith(prefix)) {
                Safetensors.Tensor tensor = file.tensor(name);
                own.add(name.substring(prefix.length()), tensor.type(), tensor.shape(), tensor.data());
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        own.writeTo(Channels.newChannel(bytes));
        return Safetensors.of(file.source() + ", " + prefix, bytes.toByteArray());
    }

    /**
     * The classes that it tells apart.
     *
     * @return names in the order in which they came
     */
    public List<String> classNames() {
        return classNames;
    }

    /**
     * How files become the images that it classifies.
     *
     * @return the rule
     * @throws IllegalArgumentException with a sentence, if files cannot become such images
     */
    public Preparation preparation() {
        return pixels.flatMap(_ -> preparation(setup.input()))
                .orElseThrow(() -> new IllegalArgumentException(file.source() + " classifies "
                        + Samples.described(setup.input()) + ", which image files cannot be"));
    }

    /**
     * Classifies images.
     *
     * @param images of the model's size; labels are not looked at
     * @return a prediction for each
     * @throws IllegalArgumentException if images are of another size, or the model learnt from features
     * @throws IllegalStateException if it is closed, or knows no class
     */
    public List<Prediction> classify(Images images) {
        Samples.requireShape("classifies", setup.input(), Shape.of(images.channels(), images.height(), images.width()));
        int[] all = IntStream.range(0, images.size()).toArray();
        return knowledge.predict(
                reader.features(images.normalisedBy(pixels.orElseThrow()), all, snapshots), calibration);
    }

    /** Ends after the passes that are going on. */
    @Override
    public void close() {
        reader.close();
    }
}
