package dev.palimpsest;

import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.option.Check;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What is decided when a {@link ContinualClassifier} is created, and stays. Immutable.
 *
 * @param input shape of a sample: [C, H, W] for images, [d] for features that are computed elsewhere
 * @param network what is trained on images; {@link Network#NONE} for features
 * @param snapshots how many models are trained and then kept for ever; each costs one pass over every image that is
 *     classified
 * @param grid parts along each side of an image over which the first stage's features are pooled, so that a class keeps
 *     where its edges are; 1 to 4: of whole images, and the only choice for features
 * @param epochs passes over the images of a lesson that trains; 0: as many as make about 1,000 steps, from 8 to 30
 * @param heldOut share of each class's samples that is not learnt from but measures accuracy and calibrates
 *     probabilities, from 0 to 0.5
 * @param augmentation how images are changed each time training sees them
 * @param pretrained a safetensors file of a ResNet with torchvision's or timm's names, to be the first and only
 *     snapshot; empty to train from random weights
 * @param sharedClasses how many of the first classes shape the covariance that all share, more while they have fewer
 *     than five samples for each dimension: later ones leave the Gaussians of all others as they are, and a lesson fits
 *     its own classes alone; 0: all classes shape it, so that every lesson fits all
 * @param exemplarMegabytes most 10⁶ bytes of the folder that images of learnt classes may take, for lessons that train
 *     later to see again; 0: no image is kept
 * @param seed of starting weights and of the order of images
 */
public record Setup(
        Shape input,
        Network network,
        int snapshots,
        int grid,
        int epochs,
        double heldOut,
        Augmentation augmentation,
        Optional<Path> pretrained,
        int sharedClasses,
        double exemplarMegabytes,
        long seed) {
    /** Networks by their usual names. */
    public enum Network {
        /** No network: samples are features already. */
        NONE,
        /** Three convolutions of 16, 32 and 64 channels, for images below 16×16. */
        DIGITS_NET,
        /** ResNet-8 of He et al. 2016 §4.2, for small images. */
        CIFAR_RESNET_8,
        /** ResNet-20 of He et al. 2016 §4.2, for small images. */
        CIFAR_RESNET_20,
        /** ResNet-32 of He et al. 2016 §4.2, for small images. */
        CIFAR_RESNET_32,
        /** ResNet-18 of He et al. 2016, Table 1, for photographs. */
        RESNET_18,
        /** ResNet-34 of He et al. 2016, Table 1, for photographs. */
        RESNET_34
    }

    /** Three or four snapshots are enough: later ones learn little and know few classes. */
    private static final int SNAPSHOTS = 3;

    /** Two to four points more on glyphs and Fashion-MNIST for twice the statistics. */
    private static final int GRID = 2;

    /** More made no difference on glyphs: 98.5 % over 132 classes, 98.4 % where all shape the covariance. */
    private static final int SHARED_CLASSES = 50;

    private static final int SMALLEST_FOR_RESNET = 16;
    private static final int SMALLEST_PHOTOGRAPH = 96;
    /** From this side on the first convolution of a small ResNet has stride 2, for a quarter of the time. */
    private static final int SMALLEST_FOR_STRIDE = 28;

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence naming what was expected and found
     */
    public Setup {
        Objects.requireNonNull(network);
        Objects.requireNonNull(augmentation);
        if (network == Network.NONE ? input.rank() != 1 : input.rank() != 3) {
            throw new IllegalArgumentException("a sample of shape " + input + " does not fit network = " + network
                    + ": images are C×H×W, features without a network are a vector");
        }
        if (input.elements() < 1) {
            throw new IllegalArgumentException("a sample of shape " + input + " has no values");
        }
        Check.that(snapshots >= 1 && snapshots <= 16, "snapshots", snapshots, "1 to 16");
        Check.that(grid >= 1 && grid <= 4, "grid", grid, "1 to 4");
        Check.that(
                network != Network.NONE || grid == 1, "grid", grid, "1 for features, which have no place in an image");
        Check.atLeast("epochs", epochs, 0);
        Check.that(heldOut >= 0 && heldOut <= 0.5, "heldOut", heldOut, "from 0 to 0.5");
        Check.atLeast("sharedClasses", sharedClasses, 0);
        Check.notNegative("exemplarMegabytes", exemplarMegabytes);
        Check.that(
                exemplarMegabytes == 0 || (network != Network.NONE && pretrained.isEmpty()),
                "exemplarMegabytes",
                exemplarMegabytes,
                "0 where no network is trained, for nothing would see the images again");
        Check.that(
                pretrained.isEmpty() || network == Network.RESNET_18 || network == Network.RESNET_34,
                "pretrained",
                pretrained,
                "a file only where the network is a ResNet-18 or -34");
    }

    /**
     * For images: three snapshots, a fifth held out, and the network that suits their size.
     *
     * @param channels 1 for grey, 3 for RGB
     * @param height in pixels
     * @param width in pixels
     * @return the setup
     */
    public static Setup images(int channels, int height, int width) {
        int side = Math.min(height, width);
        Network network = side < SMALLEST_FOR_RESNET
                ? Network.DIGITS_NET
                : side < SMALLEST_PHOTOGRAPH ? Network.CIFAR_RESNET_8 : Network.RESNET_18;
        return new Setup(
                Shape.of(channels, height, width),
                network,
                SNAPSHOTS,
                network == Network.RESNET_18 ? 1 : GRID,
                0,
                0.2,
                Augmentation.NONE,
                Optional.empty(),
                SHARED_CLASSES,
                0,
                1);
    }

    /**
     * For feature vectors that another library computes, or for rows of a table: nothing is trained, classes are
     * measured as they are.
     *
     * @param dimensions values of a vector
     * @return the setup
     */
    public static Setup features(int dimensions) {
        return new Setup(
                Shape.of(dimensions),
                Network.NONE,
                1,
                1,
                0,
                0.2,
                Augmentation.NONE,
                Optional.empty(),
                SHARED_CLASSES,
                0,
                1);
    }

    /**
     * This setup with another network.
     *
     * @param value one for the images' size
     * @return changed setup
     */
    public Setup withNetwork(Network value) {
        return changed(to -> to.network = value);
    }

    /**
     * This setup with more or fewer trained models.
     *
     * @param value 1 to 16
     * @return changed setup
     */
    public Setup withSnapshots(int value) {
        return changed(to -> to.snapshots = value);
    }

    /**
     * This setup with the first stage's features pooled over other parts of an image.
     *
     * @param value parts along each side; what is kept of a class grows with its fourth power
     * @return changed setup
     */
    public Setup withGrid(int value) {
        return changed(to -> to.grid = value);
    }

    /**
     * This setup with other passes over a lesson's images.
     *
     * @param value passes; 0 to let their number decide
     * @return changed setup
     */
    public Setup withEpochs(int value) {
        return changed(to -> to.epochs = value);
    }

    /**
     * This setup with another share of samples that measure.
     *
     * @param value 0 to 0.5
     * @return changed setup
     */
    public Setup withHeldOut(double value) {
        return changed(to -> to.heldOut = value);
    }

    /**
     * This setup with changes to training images.
     *
     * @param value such as {@code Augmentation.cropFlip(4)}
     * @return changed setup
     */
    public Setup withAugmentation(Augmentation value) {
        return changed(to -> to.augmentation = value);
    }

    /**
     * This setup with a network that is trained already: it is the only snapshot, so every lesson registers classes
     * and none trains, by features of whole images. Images are normalised by ImageNet's mean and standard deviation.
     *
     * @param file safetensors of a ResNet-18 or -34 with torchvision's or timm's names; it is copied
     * @return changed setup
     */
    public Setup withPretrained(Path file) {
        return changed(to -> {
            to.snapshots = 1;
            to.grid = 1;
            to.pretrained = Optional.of(file);
        });
    }

    /**
     * This setup with a covariance that other classes shape.
     *
     * @param value how many of the first classes shape it, 50 unless this is called; 0: all
     * @return changed setup
     */
    public Setup withSharedClasses(int value) {
        return changed(to -> to.sharedClasses = value);
    }

    /**
     * This setup with images that are kept: some of every class, chosen at random, fewer of each as classes come. A
     * lesson that trains after others trains on them too, so that what is new is told from what was known.
     *
     * @param megabytes most 10⁶ bytes that they take in the folder, over all versions; 0: no image is kept
     * @return changed setup
     */
    public Setup withExemplars(double megabytes) {
        return changed(to -> to.exemplarMegabytes = megabytes);
    }

    /**
     * This setup with another seed.
     *
     * @param value any
     * @return changed setup
     */
    public Setup withSeed(long value) {
        return changed(to -> to.seed = value);
    }

    private Setup changed(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.setup();
    }

    /** A setup in the midst of a change. */
    private static final class Draft {
        final Shape input;
        Network network;
        int snapshots;
        int grid;
        int epochs;
        double heldOut;
        Augmentation augmentation;
        Optional<Path> pretrained;
        int sharedClasses;
        double exemplarMegabytes;
        long seed;

        Draft(Setup from) {
            input = from.input;
            network = from.network;
            snapshots = from.snapshots;
            grid = from.grid;
            epochs = from.epochs;
            heldOut = from.heldOut;
            augmentation = from.augmentation;
            pretrained = from.pretrained;
            sharedClasses = from.sharedClasses;
            exemplarMegabytes = from.exemplarMegabytes;
            seed = from.seed;
        }

        Setup setup() {
            return new Setup(
                    input,
                    network,
                    snapshots,
                    grid,
                    epochs,
                    heldOut,
                    augmentation,
                    pretrained,
                    sharedClasses,
                    exemplarMegabytes,
                    seed);
        }
    }

    /** The network's layers. */
    Architecture architecture(Shape image) {
        return switch (network) {
            case NONE -> throw new IllegalStateException("features need no network");
            case DIGITS_NET -> Networks.digitsNet(image, List.of(16, 32, 64));
            case CIFAR_RESNET_8 -> cifar(image, 8);
            case CIFAR_RESNET_20 -> cifar(image, 20);
            case CIFAR_RESNET_32 -> cifar(image, 32);
            case RESNET_18 -> Networks.resNet(image, 18);
            case RESNET_34 -> Networks.resNet(image, 34);
        };
    }

    private static Architecture cifar(Shape image, int depth) {
        boolean large = Math.min(image.extent(1), image.extent(2)) >= SMALLEST_FOR_STRIDE;
        return Networks.cifarResNet(image, ResNetOptions.cifar(depth).withStem(new Stem.Cifar(large ? 2 : 1)));
    }
}
