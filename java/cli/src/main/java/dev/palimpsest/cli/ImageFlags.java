package dev.palimpsest.cli;

import dev.palimpsest.data.ImageOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Flags of commands that read a data set, for sets of image files. */
final class ImageFlags {
    @Option(
            names = "--image-size",
            paramLabel = "N",
            order = 50,
            description = "For image-folder and image-list, as in palimpsest train [0].")
    private Optional<Integer> size = Optional.empty();

    @Option(
            names = "--image-crop",
            paramLabel = "N",
            order = 51,
            description = "For image-folder and image-list, as in palimpsest train [0].")
    private Optional<Integer> crop = Optional.empty();

    @Option(
            names = "--skip-damaged",
            order = 52,
            description = "For image-folder and image-list: leave out what cannot be read.")
    private boolean skipDamaged;

    @Option(
            names = "--test-share",
            paramLabel = "X",
            order = 53,
            description = "For image-folder without train and test: the share of images that is for test [0.2].")
    private Optional<Double> testShare = Optional.empty();

    /** Whether any is given. */
    boolean any() {
        return size.isPresent() || crop.isPresent() || skipDamaged || testShare.isPresent();
    }

    /**
     * What the flags say of a data set.
     *
     * @param data its name
     * @param folder where its files are looked for
     * @throws IllegalArgumentException with a sentence, for values that cannot be, or a share that means nothing
     */
    ImageOptions options(String data, Optional<Path> folder) {
        if (testShare.isPresent()) {
            if (!data.equals("image-folder")) {
                throw new IllegalArgumentException("--test-share: " + data
                        + " says itself what is for test; leave the share out, which is for image-folder");
            }
            folder.ifPresent(ImageFlags::requireUndivided);
        }
        return new ImageOptions(size.orElse(0), crop.orElse(0), skipDamaged, testShare.orElse(ImageOptions.TEST_SHARE));
    }

    /** A share for test means nothing to a folder that is divided, also the share that would be taken. */
    static void requireUndivided(Path folder) {
        if (Files.isDirectory(folder.resolve("train"))) {
            throw new IllegalArgumentException("--test-share: " + folder + " has a folder train, which says what is for"
                    + " training and what for test: leave the share out, or put all classes side by side");
        }
    }
}
