package dev.palimpsest.cli;

import dev.palimpsest.data.ImageOptions;
import picocli.CommandLine.Option;

/** Flags of commands that read a data set, for sets of image files. */
final class ImageFlags {
    @Option(
            names = "--image-size",
            paramLabel = "N",
            order = 50,
            description = "For image-folder and image-list, as in palimpsest train [0].")
    private int size;

    @Option(
            names = "--image-crop",
            paramLabel = "N",
            order = 51,
            description = "For image-folder and image-list, as in palimpsest train [0].")
    private int crop;

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
    private double testShare = ImageOptions.TEST_SHARE;

    /** @throws IllegalArgumentException with a sentence, for values that cannot be */
    ImageOptions options() {
        return new ImageOptions(size, crop, skipDamaged, testShare);
    }
}
