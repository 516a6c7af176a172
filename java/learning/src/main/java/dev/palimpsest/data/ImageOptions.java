package dev.palimpsest.data;

import java.nio.file.Path;

/**
 * How image files become images of one size; data sets with a size of their own take {@link #NONE} alone.
 *
 * @param size height and width in pixels, 1 to 4,096, that the central square of every image is resampled to; 0 keeps
 *     the size of the files, which must then all have the same
 * @param crop height and width in pixels of the part in the middle that is shown; augmentations that move images bring
 *     in what lies around it; 0 shows all of the image
 * @param skipDamaged whether files that cannot be decoded are left out with a warning, instead of refusing the data
 *     set
 * @param testShare share of every class's images that is for test, above 0 and below 1, in a folder that is not divided
 *     into training and test images
 */
public record ImageOptions(int size, int crop, boolean skipDamaged, double testShare) {
    /** The share for test where none is chosen. */
    public static final double TEST_SHARE = 0.2;

    /** Images as their files have them; a damaged file is refused. */
    public static final ImageOptions NONE = new ImageOptions(0, 0, false, TEST_SHARE);

    private static final int LARGEST = 4096;

    /**
     * Checks the extents in pixels and the share.
     *
     * @throws IllegalArgumentException if the size is negative or above 4,096, or has no such part in its middle, or
     *     the share is not between 0 and 1
     */
    public ImageOptions {
        if (size < 0 || size > LARGEST) {
            throw new IllegalArgumentException(
                    "image-size = " + size + ": expected 1 to 4096 pixels, or 0 to keep the size");
        }
        if (!(testShare > 0 && testShare < 1)) {
            throw new IllegalArgumentException("test-share = " + testShare + ": expected a share above 0 and below 1");
        }
        if (crop < 0) {
            throw new IllegalArgumentException(
                    "image-crop = " + crop + ": expected a number of pixels, or 0 for all of the image");
        }
        if (size > 0 && !fits(crop, size)) {
            throw new IllegalArgumentException(
                    "image-crop = " + crop + ": expected an " + (size % 2 == 0 ? "even" : "odd")
                            + " number of pixels up to image-size = " + size + ", or 0 for all of the image");
        }
    }

    /**
     * The same with a fifth of the images for test.
     *
     * @param size height and width in pixels, or 0
     * @param crop height and width in pixels of the part in the middle, or 0
     * @param skipDamaged whether files that cannot be decoded are left out
     * @throws IllegalArgumentException if the size is negative or above 4,096, or has no such part in its middle
     */
    public ImageOptions(int size, int crop, boolean skipDamaged) {
        this(size, crop, skipDamaged, TEST_SHARE);
    }

    /**
     * For a folder whose images are for training or for test already.
     *
     * @throws DataException if a share for test was chosen
     */
    void requireNoTestShare(Path folder, String parts) {
        if (testShare != TEST_SHARE) {
            throw new DataException(folder + " has " + parts
                    + ", which say what is for test: leave out --test-share, or put all classes side by side");
        }
    }

    /** @throws IllegalArgumentException with a sentence, for images that nothing can be brought to */
    static void requireSide(int side) {
        if (side < 1 || side > LARGEST) {
            throw new IllegalArgumentException(
                    "images of " + side + "×" + side + " pixels: expected sides of 1 to " + LARGEST);
        }
    }

    /** Whether images of this extent have such a part, with as much on its one side as on the other. */
    static boolean fits(int crop, int extent) {
        return crop <= extent && (crop == 0 || (extent - crop) % 2 == 0);
    }
}
